/// A secret that session tokens are sealed with.
public struct TokenKey: Sendable, Hashable {
  /// Names the key in each token: ``idBits`` bits, chosen at random.
  public let id: UInt64
  /// ``secretBytes`` random bytes.
  public let secret: Secret<[UInt8]>
  /// Seconds since 1970.
  public let createdAtSeconds: Int

  public static let idBits = 48
  public static let secretBytes = 32

  /// Nil where the id or the secret has not its size.
  public init?(id: UInt64, secret: Secret<[UInt8]>, createdAtSeconds: Int) {
    guard id >> TokenKey.idBits == 0, secret.revealed.count == TokenKey.secretBytes else {
      return nil
    }
    self.id = id
    self.secret = secret
    self.createdAtSeconds = createdAtSeconds
  }
}

/// The port to whatever keeps the keys of session tokens, so that every daemon on a store, and one
/// that was restarted, accepts the tokens of all.
public protocol TokenKeyStore: Sendable {
  /// All keys, in no order.
  func tokenKeys() async throws(StoreError) -> [TokenKey]

  /// Adds a key and forgets others, in one transaction. When it returns, the change is on disk.
  /// - Parameter dropping: The ids of keys; one that is gone already is no error.
  func changeTokenKeys(adding key: TokenKey?, dropping ids: [UInt64]) async throws(StoreError)
}

import Crypto
public import Inventory

/// Where a drive's `random_seed` comes from.
///
/// Over HTTP the seed is fresh at each request. A drive's must be the same each time that the drive
/// is written, or no two drives of an instance are the same, and must be known to nobody else. So it
/// is derived from a secret and the instance's id.
public struct DriveSeed: Sendable {
  public static let keyBytes = 32
  private let key: SymmetricKey

  /// - Parameter key: A secret of ``keyBytes`` random bytes, which is kept for as long as drives are
  ///   written.
  public init(key: Secret<[UInt8]>) { self.key = SymmetricKey(data: key.revealed) }

  /// The seed of an instance for which no secret is kept: derived from all that its document says,
  /// and so known to whoever has the document.
  public init(of instance: Instance) {
    key = SymmetricKey(data: SHA256.hash(data: Resource.instance(instance).value.bytes))
  }

  /// The seed's text, in base64.
  public func text(for id: InstanceID) -> [UInt8] {
    let seed = HKDF<SHA256>.expand(
      pseudoRandomKey: key, info: Array("nameplate drive random_seed \(id)".utf8),
      outputByteCount: RandomSeeds.seedBytes)
    return Base64.encodedBytes(unsafe seed.withUnsafeBytes { unsafe Array($0) })
  }
}

/// Who may ask over the network, and how they prove who they are.
public struct AccessEntry: Sendable, Hashable {
  public var name: String
  public var role: Role
  /// The only project that is seen and written; nil for all.
  public var project: String?
  public var proof: Proof
  public var createdAtSeconds: Int
  /// When it ends, in seconds since 1970; nil for never.
  public var expiresAtSeconds: Int?

  public enum Proof: Sendable, Hashable {
    /// The SHA-256 of a bearer token. The token itself is kept nowhere.
    case token(sha256: [UInt8])
    /// A name in a client certificate: `CN:alice`, `DNS:host.example` or `URI:spiffe://…`.
    case certificate(subject: String)
  }

  public init(
    name: String, role: Role, project: String?, proof: Proof, createdAtSeconds: Int,
    expiresAtSeconds: Int?
  ) {
    self.name = name
    self.role = role
    self.project = project
    self.proof = proof
    self.createdAtSeconds = createdAtSeconds
    self.expiresAtSeconds = expiresAtSeconds
  }

  /// Whether it has ended at a moment.
  public func isExpired(now: Int) -> Bool { expiresAtSeconds.map { $0 <= now } ?? false }
}

/// The port to where access is kept. Both writes note themselves in the audit log, in the same
/// transaction.
public protocol AccessStore: Sendable {
  /// All entries, ended ones among them, by name.
  func access() async throws(StoreError) -> [AccessEntry]

  /// - Throws: ``StoreError/accessExists(_:)`` where the name or the certificate has access already.
  func grant(_ entry: AccessEntry, by context: WriteContext) async throws(StoreError)

  /// - Throws: ``StoreError/accessMissing(_:)``.
  func revoke(_ name: String, by context: WriteContext, now: Int) async throws(StoreError)
}

/// What the operators' side needs of a store.
public typealias ControlStore = InventoryStore & AccessStore & AuditLog

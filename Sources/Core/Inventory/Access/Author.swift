/// Who makes a change, as the audit log names them.
public struct Author: Sendable, Hashable {
  /// How it is known who it was.
  public enum Kind: String, Sendable, CaseIterable {
    /// A local user at the control socket; the kernel said which.
    case user
    /// Who had a bearer token.
    case token
    /// Who had the key of a certificate.
    case certificate
    /// The guest itself, known by its connection.
    case guest
    /// The daemon, by what it was started with.
    case daemon
  }

  public var kind: Kind
  /// The user's number, the name of the access, or the instance's id.
  public var name: String
  /// Where from: an address and port, or a local process.
  public var peer: String?

  public init(_ kind: Kind, _ name: String, peer: String? = nil) {
    self.kind = kind
    self.name = name
    self.peer = peer
  }
}

/// What a commit is part of: who asks, by which operation, and how far they may reach.
public struct WriteContext: Sendable, Hashable {
  public var author: Author
  /// The operation's name, such as `putResource`.
  public var operation: String
  /// The only project whose resources may be touched; nil for all.
  public var scope: String?

  public init(_ author: Author, _ operation: String, scope: String? = nil) {
    self.author = author
    self.operation = operation
    self.scope = scope
  }
}

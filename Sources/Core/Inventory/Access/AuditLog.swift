/// One line of the audit log: a write, or the attempt of one. It holds no documents and no secrets.
public struct AuditEntry: Sendable, Hashable {
  /// The line's place in the log; it only grows.
  public var position: Int64
  /// Seconds since 1970.
  public var atSeconds: Int
  public var author: Author
  /// The operation's name, such as `putResource`.
  public var operation: String
  /// What it was about; nil for an attempt that named nothing.
  public var subject: Subject?
  public var outcome: Outcome
  /// The revision that the resource stood at before; nil where it did not exist.
  public var before: Revision?
  /// The revision of the transaction that changed it; nil where nothing was changed, and for access,
  /// which has no revisions.
  public var after: Revision?

  public init(
    position: Int64 = 0, atSeconds: Int, author: Author, operation: String, subject: Subject?,
    outcome: Outcome, before: Revision? = nil, after: Revision? = nil
  ) {
    self.position = position
    self.atSeconds = atSeconds
    self.author = author
    self.operation = operation
    self.subject = subject
    self.outcome = outcome
    self.before = before
    self.after = after
  }

  /// What a line is about: a resource, or an access by its name.
  public struct Subject: Sendable, Hashable {
    /// A kind of resource as documents write it, or `Access`.
    public var kind: String
    public var id: String

    public init(kind: String, id: String) {
      self.kind = kind
      self.id = id
    }

    public init(_ id: ResourceID) { self.init(kind: id.kind.rawValue, id: id.text) }

    public static func access(_ name: String) -> Subject { Subject(kind: "Access", id: name) }
  }

  public enum Outcome: Sendable, Hashable {
    case created
    case updated
    case deleted
    /// Nothing was changed; the reason is a problem's code, such as `forbidden`.
    case refused(reason: String)

    /// The outcome as one text: `created`, or `refused: forbidden`.
    public var text: String {
      switch self {
      case .created: "created"
      case .updated: "updated"
      case .deleted: "deleted"
      case .refused(let reason): "refused: \(reason)"
      }
    }

    public init?(text: String) {
      switch text {
      case "created": self = .created
      case "updated": self = .updated
      case "deleted": self = .deleted
      case let text where text.hasPrefix("refused: "):
        self = .refused(reason: String(text.dropFirst("refused: ".count)))
      default: return nil
      }
    }
  }
}

/// Which lines of the audit log.
public struct AuditQuery: Sendable, Hashable {
  /// Lines after this place, the oldest first; nil for the newest ones.
  public var after: Int64?
  public var limit: Int
  public var subject: AuditEntry.Subject?

  public init(after: Int64? = nil, limit: Int, subject: AuditEntry.Subject? = nil) {
    self.after = after
    self.limit = limit
    self.subject = subject
  }
}

/// The port to where it is kept who changed what.
///
/// What a commit changes is noted by ``InventoryStore/commit(_:by:now:dryRun:)`` in the same
/// transaction, so no change is without its line.
public protocol AuditLog: Sendable {
  /// Notes an attempt that changed nothing.
  func note(refused entry: AuditEntry) async throws(StoreError)

  /// Lines in the order of their places.
  func entries(_ query: AuditQuery) async throws(StoreError) -> [AuditEntry]
}

import Synchronization

/// The port to whatever keeps the records: SQLite on one host, etcd across many.
///
/// A store is the truth; ``Catalog`` is its copy in memory. A store knows no rule of its own: what
/// must be unique and what must exist stand in ``Resource/claims`` and ``Resource/references``.
public protocol InventoryStore: Sendable {
  /// Reads everything as of one revision, in parts: never all of it is in memory twice.
  /// - Parameter take: Is given each part once, in no order, by several threads at once.
  /// - Returns: The revision.
  func read(_ take: @escaping @Sendable (InventoryPart) -> Void) async throws(StoreError)
    -> Revision

  /// What an address leads to, as far as a catalogue must know to answer for it: the instances that
  /// have it on a network, or on any where none is given, and what they refer to.
  func excerpt(for address: IPAddress, on network: NetworkID?) async throws(StoreError)
    -> InventorySnapshot

  /// Applies all mutations in one transaction, or none. When it returns, the change is on disk.
  ///
  /// Mutations are applied in order; claims are judged by the transaction's end result, so that
  /// two instances can swap an address in one go. With `dryRun` all is judged and nothing kept.
  /// What it changes is noted in the audit log, in the same transaction. Where the context has a
  /// scope, every resource that is touched must belong to that project, before and after, and
  /// what it newly refers to must be the project's or nobody's.
  /// - Parameter now: Seconds since 1970, kept as the creation time of new records.
  func commit(_ mutations: [Mutation], by context: WriteContext, now: Int, dryRun: Bool)
    async throws(StoreError) -> CommitResult

  /// Each transaction after `revision`, in order, for as long as the reader listens.
  /// - Throws: ``StoreError/compacted(oldest:)`` where the store remembers no longer so far back.
  func changes(after revision: Revision) async throws(StoreError) -> AsyncStream<ChangeBatch>
}

extension InventoryStore {
  /// Everything, as of one revision, in the order of kinds and ids.
  public func load() async throws(StoreError) -> InventorySnapshot {
    let parts = Mutex<(records: [Record], passwords: [InstanceID: Secret<[UInt8]>])>(([], [:]))
    let revision = try await read { part in
      let records = part.entries.compactMap(\.record)
      parts.withLock {
        $0.records += records
        $0.passwords.merge(part.passwords) { _, last in last }
      }
    }
    let (records, passwords) = parts.withLock { $0 }
    return InventorySnapshot(
      revision: revision,
      records: records.map { ($0.resource.id, $0) }
        .sorted { ($0.0.kind.rawValue, $0.0.text) < ($1.0.kind.rawValue, $1.0.text) }.map(\.1),
      passwords: passwords)
  }
}

/// A part of a store's content.
public struct InventoryPart: Sendable {
  public var entries: [CatalogEntry]
  public var passwords: [InstanceID: Secret<[UInt8]>]
  /// How many entries all parts have together.
  public var total: Int

  public init(
    entries: [CatalogEntry], passwords: [InstanceID: Secret<[UInt8]>] = [:], total: Int
  ) {
    self.entries = entries
    self.passwords = passwords
    self.total = total
  }
}

/// The content of a store at one revision.
public struct InventorySnapshot: Sendable {
  public var revision: Revision
  public var records: [Record]
  public var passwords: [InstanceID: Secret<[UInt8]>]

  public init(
    revision: Revision, records: [Record], passwords: [InstanceID: Secret<[UInt8]>] = [:]
  ) {
    self.revision = revision
    self.records = records
    self.passwords = passwords
  }
}

/// A change that somebody asks for.
public enum Mutation: Sendable {
  case put(Resource, Precondition = .none)
  case delete(ResourceID, Precondition = .none)
  /// A guest's password; refused where one is set.
  case setPassword(InstanceID, Secret<[UInt8]>)
  case clearPassword(InstanceID)
}

/// What must hold for a mutation, so that two operators do not overwrite each other.
public enum Precondition: Sendable, Hashable {
  case none
  /// The resource must not exist yet.
  case absent
  /// The resource must exist, at any revision.
  case present
  /// The resource must stand at one of these revisions.
  case revisions([Revision])
}

/// What became of a transaction.
public struct CommitResult: Sendable {
  /// The transaction's revision, or the store's where nothing changed.
  public var revision: Revision
  /// One outcome a mutation, in order.
  public var outcomes: [Outcome]

  public struct Outcome: Sendable {
    public var action: Action
    /// The record before, where there was one.
    public var previous: Record?
    /// The record after, where there is one.
    public var current: Record?

    public init(action: Action, previous: Record?, current: Record?) {
      self.action = action
      self.previous = previous
      self.current = current
    }
  }

  public enum Action: String, Sendable, CaseIterable {
    case created
    case updated
    case unchanged
    case deleted
  }

  public init(revision: Revision, outcomes: [Outcome]) {
    self.revision = revision
    self.outcomes = outcomes
  }
}

/// Why a store did not do what it was asked.
public enum StoreError: Error, Sendable, Hashable {
  /// Another resource has what this one claims. `index` counts the mutations.
  case claimed(index: Int, Claim, by: ResourceID, holder: ResourceID)
  /// The resource refers to one that does not exist.
  case missingReference(index: Int, from: ResourceID, to: ResourceID)
  /// The resource cannot go while others refer to it.
  case stillReferenced(index: Int, ResourceID, by: ResourceID)
  case notFound(index: Int, ResourceID)
  /// A precondition did not hold; `current` is the revision that the resource stands at.
  case preconditionFailed(index: Int, ResourceID, current: Revision?)
  case passwordAlreadySet(InstanceID)
  /// The resource belongs to another project than the writer's.
  case foreign(index: Int, ResourceID)
  /// The document is not of the only project that the writer may write.
  case outOfScope(index: Int, ResourceID, scope: String)
  /// An access of this name, or for this certificate, is there already.
  case accessExists(String)
  case accessMissing(String)
  /// The default network may be changed, not deleted.
  case undeletable(index: Int, ResourceID)
  /// The change log no longer reaches back to the revision that was asked for.
  case compacted(oldest: Revision)
  /// The disk is full; nothing was written.
  case full(String)
  /// The store cannot be used now; the text says why and what to do.
  case unavailable(String)
  /// What the store holds cannot be read; the text names it and what to do.
  case corrupt(String)
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .claimed(_, let claim, let by, let holder):
      "\(by) claims \(claim), which \(holder) has"
    case .missingReference(_, let from, let to):
      "\(from) refers to \(to), which does not exist; declare it first or in the same file"
    case .stillReferenced(_, let id, let by):
      "\(id) is still referred to by \(by); change or delete that first"
    case .notFound(_, let id): "\(id) does not exist"
    case .preconditionFailed(_, let id, let current):
      current.map { "\(id) has changed: it stands at revision \($0)" }
        ?? "\(id) does not stand as the condition asks"
    case .passwordAlreadySet(let id): "Instance \(id) has posted a password already"
    case .foreign(_, let id): "\(id) belongs to another project"
    case .outOfScope(_, let id, let scope):
      "\(id) must say 'project: \(scope)', the only project that you may write"
    case .accessExists(let text): text
    case .accessMissing(let name): "there is no access '\(name)'"
    case .undeletable(_, let id): "\(id) always exists and cannot be deleted"
    case .compacted(let oldest):
      "changes are remembered from revision \(oldest) on; read everything anew"
    case .full(let text), .unavailable(let text), .corrupt(let text): text
    }
  }

  /// Which of the mutations is to blame, counted from 0; nil where it is none of them.
  public var mutationIndex: Int? {
    switch self {
    case .claimed(let index, _, _, _), .missingReference(let index, _, _),
      .stillReferenced(let index, _, _), .notFound(let index, _),
      .preconditionFailed(let index, _, _), .undeletable(let index, _), .foreign(let index, _),
      .outOfScope(let index, _, _):
      index
    default: nil
    }
  }
}

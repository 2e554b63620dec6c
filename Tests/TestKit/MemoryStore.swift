public import Inventory
public import MetadataService
import Synchronization

/// A store in memory that judges preconditions as a real one does and, where it is asked to, claims,
/// references and projects.
public final class MemoryStore: InventoryStore, AuditLog, AccessStore, TokenKeyStore {
  struct State {
    var revision: Revision = 1
    var records: [ResourceID: Record] = [:]
    var passwords: [InstanceID: Secret<[UInt8]>] = [:]
    var log: [ChangeBatch] = []
    var oldest: Revision = 1
    var readers: [Int: AsyncStream<ChangeBatch>.Continuation] = [:]
    var failure: StoreError?
    var audit: [AuditEntry] = []
    var access: [AccessEntry] = []

    mutating func note(_ entry: AuditEntry) {
      var entry = entry
      entry.position = Int64(audit.count + 1)
      audit.append(entry)
    }
  }

  private struct Keys {
    var keys: [TokenKey] = []
    var reads = 0
    var failure: StoreError?
  }

  private let keys = Mutex(Keys())

  let state: Mutex<State>
  private let catalog: LiveCatalog?
  private let isStrict: Bool

  /// - Parameters:
  ///   - catalog: One that knows each change at once.
  ///   - isStrict: Whether claims, references and projects are judged.
  public init(catalog: LiveCatalog? = nil, isStrict: Bool = false) {
    var state = State()
    let network = Resource.network(Network(id: .default))
    state.records[network.id] = Record(resource: network, revision: 1, createdAtSeconds: 0)
    self.state = Mutex(state)
    self.catalog = catalog
    self.isStrict = isStrict
  }

  /// Makes every commit fail so.
  public func fail(with error: StoreError?) { state.withLock { $0.failure = error } }

  /// Forgets all changes so far.
  public func compact() {
    state.withLock { state in
      state.log = []
      state.oldest = state.revision
    }
  }

  public func read(_ take: @escaping @Sendable (InventoryPart) -> Void) async throws(StoreError)
    -> Revision
  {
    let (records, passwords, revision) = state.withLock {
      (Array($0.records.values), $0.passwords, $0.revision)
    }
    take(
      InventoryPart(
        entries: records.map { CatalogEntry($0) }, passwords: passwords, total: records.count))
    return revision
  }

  /// More than is asked for does no harm.
  public func excerpt(for address: IPAddress, on network: NetworkID?) async throws(StoreError)
    -> InventorySnapshot
  {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    return try await load()
  }

  public func changes(after revision: Revision) async throws(StoreError) -> AsyncStream<ChangeBatch>
  {
    let (stream, continuation) = AsyncStream.makeStream(of: ChangeBatch.self)
    let oldest: Revision? = state.withLock { state in
      guard revision >= state.oldest else { return state.oldest }
      for batch in state.log where batch.revision > revision { continuation.yield(batch) }
      state.readers[state.readers.count] = continuation
      return nil
    }
    if let oldest { throw .compacted(oldest: oldest) }
    return stream
  }

  public func commit(_ mutations: [Mutation], by context: WriteContext, now: Int, dryRun: Bool)
    async throws(StoreError) -> CommitResult
  {
    let result = state.withLock { state -> Result<CommitResult, StoreError> in
      var next = state
      do throws(StoreError) {
        if let failure = state.failure { throw failure }
        if isStrict { try MemoryStore.judgeScope(mutations, context.scope, state) }
        let (result, batch) = try MemoryStore.apply(mutations, to: &next, now: now)
        if isStrict { try MemoryStore.judge(mutations, next) }
        guard let batch, !dryRun else { return .success(result) }
        next.log.append(batch)
        MemoryStore.note(mutations, result, context, now, in: &next)
        state = next
        catalog?.apply(batch)
        for reader in state.readers.values { reader.yield(batch) }
        return .success(result)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private static func apply(_ mutations: [Mutation], to state: inout State, now: Int)
    throws(StoreError) -> (CommitResult, ChangeBatch?)
  {
    let revision = state.revision + 1
    var outcomes: [CommitResult.Outcome] = []
    var changes: [Change] = []
    for (index, mutation) in mutations.enumerated() {
      switch mutation {
      case .put(let resource, let precondition):
        let previous = state.records[resource.id]
        try check(precondition, previous, index, resource.id)
        guard previous?.resource != resource else {
          outcomes.append(.init(action: .unchanged, previous: previous, current: previous))
          continue
        }
        let record = Record(
          resource: resource, revision: revision,
          createdAtSeconds: previous?.createdAtSeconds ?? now,
          ec2InstanceID: resource.instance?.id.ec2InstanceIDCandidates.first)
        state.records[resource.id] = record
        if let old = previous?.resource, old.project != resource.project {
          changes.append(.deleted(resource.id, project: old.project))
          if let instance = resource.instance { state.passwords[instance.id] = nil }
        }
        changes.append(.put(record))
        outcomes.append(
          .init(action: previous == nil ? .created : .updated, previous: previous, current: record))
      case .delete(let id, let precondition):
        guard let previous = state.records[id] else { throw .notFound(index: index, id) }
        try check(precondition, previous, index, id)
        guard id.text != NetworkID.default.text else { throw .undeletable(index: index, id) }
        state.records[id] = nil
        if let instance = InstanceID(id.text) { state.passwords[instance] = nil }
        changes.append(.deleted(id, project: previous.resource.project))
        outcomes.append(.init(action: .deleted, previous: previous, current: nil))
      case .setPassword(let id, let secret):
        guard state.passwords[id] == nil else { throw .passwordAlreadySet(id) }
        state.passwords[id] = secret
        changes.append(.password(id, secret))
        outcomes.append(.init(action: .updated, previous: nil, current: nil))
      case .clearPassword(let id):
        let had = state.passwords.removeValue(forKey: id) != nil
        if had { changes.append(.password(id, nil)) }
        outcomes.append(
          .init(action: had ? .updated : .unchanged, previous: nil, current: nil))
      }
    }
    guard !changes.isEmpty else {
      return (CommitResult(revision: state.revision, outcomes: outcomes), nil)
    }
    state.revision = revision
    return (
      CommitResult(revision: revision, outcomes: outcomes),
      ChangeBatch(revision: revision, changes: changes)
    )
  }

  private static func note(
    _ mutations: [Mutation], _ result: CommitResult, _ context: WriteContext, _ now: Int,
    in state: inout State
  ) {
    for (mutation, outcome) in zip(mutations, result.outcomes) {
      let id: ResourceID
      switch mutation {
      case .put(let resource, _): id = resource.id
      case .delete(let other, _): id = other
      case .setPassword(let instance, _), .clearPassword(let instance):
        id = ResourceID(kind: .instance, text: instance.description)
      }
      guard let what = AuditEntry.Outcome(text: outcome.action.rawValue) else { continue }
      state.note(
        AuditEntry(
          atSeconds: now, author: context.author, operation: context.operation,
          subject: AuditEntry.Subject(id), outcome: what, before: outcome.previous?.revision,
          after: result.revision))
    }
  }

  private static func check(
    _ precondition: Precondition, _ record: Record?, _ index: Int, _ id: ResourceID
  ) throws(StoreError) {
    let holds =
      switch precondition {
      case .none: true
      case .absent: record == nil
      case .present: record != nil
      case .revisions(let revisions): record.map { revisions.contains($0.revision) } ?? false
      }
    guard holds else {
      throw .preconditionFailed(index: index, id, current: record?.revision)
    }
  }
}

// MARK: - Keys of session tokens

extension MemoryStore {
  /// How often the keys of session tokens were read.
  public var keyReads: Int { keys.withLock { $0.reads } }

  /// Makes every call for keys fail so.
  public func failTokenKeys(with error: StoreError?) { keys.withLock { $0.failure = error } }

  public func tokenKeys() async throws(StoreError) -> [TokenKey] {
    let result: Result<[TokenKey], StoreError> = keys.withLock { state in
      state.reads += 1
      if let failure = state.failure { return .failure(failure) }
      return .success(state.keys)
    }
    return try result.get()
  }

  public func changeTokenKeys(adding key: TokenKey?, dropping ids: [UInt64])
    async throws(StoreError)
  {
    let failure = keys.withLock { state in
      if state.failure == nil {
        state.keys.removeAll { ids.contains($0.id) }
        if let key { state.keys.append(key) }
      }
      return state.failure
    }
    if let failure { throw failure }
  }
}

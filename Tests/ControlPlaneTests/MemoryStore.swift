import Inventory
import Synchronization

/// A store in memory that judges claims, references and preconditions as a real one does.
final class MemoryStore: InventoryStore, TokenKeyStore {
  private struct State {
    var revision: Revision = 1
    var records: [ResourceID: Record] = [:]
    var passwords: [InstanceID: Secret<[UInt8]>] = [:]
    var log: [ChangeBatch] = []
    var oldest: Revision = 1
    var readers: [Int: AsyncStream<ChangeBatch>.Continuation] = [:]
    var failure: StoreError?
  }

  private let state: Mutex<State>

  init() {
    var state = State()
    let network = Resource.network(Network(id: .default))
    state.records[network.id] = Record(resource: network, revision: 1, createdAtSeconds: 0)
    self.state = Mutex(state)
  }

  private let keys = Mutex<[TokenKey]>([])

  func tokenKeys() async throws(StoreError) -> [TokenKey] { keys.withLock { $0 } }

  func changeTokenKeys(adding key: TokenKey?, dropping ids: [UInt64])
    async throws(StoreError)
  {
    keys.withLock { keys in
      keys.removeAll { ids.contains($0.id) }
      if let key { keys.append(key) }
    }
  }

  /// Makes every commit fail so.
  func fail(with error: StoreError?) { state.withLock { $0.failure = error } }

  /// Forgets all changes so far.
  func compact() {
    state.withLock { state in
      state.log = []
      state.oldest = state.revision
    }
  }

  func load() async throws(StoreError) -> InventorySnapshot {
    state.withLock { state in
      InventorySnapshot(
        revision: state.revision, records: Array(state.records.values), passwords: state.passwords)
    }
  }

  func changes(after revision: Revision) async throws(StoreError) -> AsyncStream<ChangeBatch> {
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

  func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    let result = state.withLock { state -> Result<CommitResult, StoreError> in
      var next = state
      do throws(StoreError) {
        if let failure = state.failure { throw failure }
        let (result, batch) = try MemoryStore.apply(mutations, to: &next, now: now)
        guard let batch, !dryRun else { return .success(result) }
        next.log.append(batch)
        state = next
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
        changes.append(.put(record))
        outcomes.append(
          .init(action: previous == nil ? .created : .updated, previous: previous, current: record))
      case .delete(let id, let precondition):
        guard let previous = state.records[id] else { throw .notFound(index: index, id) }
        try check(precondition, previous, index, id)
        guard id.text != NetworkID.default.text else { throw .undeletable(index: index, id) }
        state.records[id] = nil
        if let instance = InstanceID(id.text) { state.passwords[instance] = nil }
        changes.append(.deleted(id))
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
    try judge(mutations, state)
    guard !changes.isEmpty else {
      return (CommitResult(revision: state.revision, outcomes: outcomes), nil)
    }
    state.revision = revision
    return (
      CommitResult(revision: revision, outcomes: outcomes),
      ChangeBatch(revision: revision, changes: changes)
    )
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

  private static func judge(_ mutations: [Mutation], _ state: State) throws(StoreError) {
    func index(of id: ResourceID) -> Int {
      mutations.firstIndex { mutation in
        switch mutation {
        case .put(let resource, _): resource.id == id
        case .delete(let other, _): other == id
        default: false
        }
      } ?? 0
    }
    var holders: [Claim: ResourceID] = [:]
    for record in state.records.values.sorted(by: { $0.revision < $1.revision }) {
      let id = record.resource.id
      for claim in record.resource.claims {
        if let holder = holders[claim] {
          throw .claimed(index: index(of: id), claim, by: id, holder: holder)
        }
        holders[claim] = id
      }
      for reference in record.resource.references where state.records[reference] == nil {
        for mutation in mutations {
          if case .delete(reference, _) = mutation {
            throw .stillReferenced(index: index(of: reference), reference, by: id)
          }
        }
        throw .missingReference(index: index(of: id), from: id, to: reference)
      }
    }
  }
}

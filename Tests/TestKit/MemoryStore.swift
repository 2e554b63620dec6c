public import Inventory
import Synchronization

/// A store that keeps everything in memory: enough for tests of what stands above a store.
public final class MemoryStore: InventoryStore, TokenKeyStore {
  private struct State {
    var revision: Revision = 0
    var records: [ResourceID: Record] = [:]
    var passwords: [InstanceID: Secret<[UInt8]>] = [:]
    var listeners: [AsyncStream<ChangeBatch>.Continuation] = []
  }

  private let state = Mutex(State())

  public init() {}

  private struct Keys {
    var keys: [TokenKey] = []
    var reads = 0
    var failure: StoreError?
  }

  private let keys = Mutex(Keys())

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

  public func load() async throws(StoreError) -> InventorySnapshot {
    state.withLock {
      InventorySnapshot(
        revision: $0.revision, records: Array($0.records.values), passwords: $0.passwords)
    }
  }

  public func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    let result: Result<CommitResult, StoreError> = state.withLock { state in
      var next = state
      do throws(StoreError) {
        let (result, batch) = try MemoryStore.apply(mutations, to: &next, now: now)
        if !dryRun {
          state = next
          for listener in state.listeners { listener.yield(batch) }
        }
        return .success(result)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  public func changes(after revision: Revision) async throws(StoreError)
    -> AsyncStream<ChangeBatch>
  {
    let (stream, continuation) = AsyncStream.makeStream(of: ChangeBatch.self)
    state.withLock { $0.listeners.append(continuation) }
    return stream
  }

  private static func apply(_ mutations: [Mutation], to state: inout State, now: Int)
    throws(StoreError) -> (CommitResult, ChangeBatch)
  {
    let revision = state.revision + 1
    var outcomes: [CommitResult.Outcome] = []
    var changes: [Change] = []
    for (index, mutation) in mutations.enumerated() {
      switch mutation {
      case .put(let resource, let condition):
        let previous = state.records[resource.id]
        guard holds(condition, previous) else {
          throw .preconditionFailed(index: index, resource.id, current: previous?.revision)
        }
        let record = Record(
          resource: resource, revision: revision,
          createdAtSeconds: previous?.createdAtSeconds ?? now,
          ec2InstanceID: resource.instance?.id.ec2InstanceIDCandidates[0])
        state.records[resource.id] = record
        changes.append(.put(record))
        outcomes.append(
          CommitResult.Outcome(
            action: previous == nil ? .created : .updated, previous: previous, current: record))
      case .delete(let id, _):
        guard let previous = state.records.removeValue(forKey: id) else {
          throw .notFound(index: index, id)
        }
        changes.append(.deleted(id))
        outcomes.append(
          CommitResult.Outcome(action: .deleted, previous: previous, current: nil))
      case .setPassword(let id, let password):
        guard state.passwords[id] == nil else { throw .passwordAlreadySet(id) }
        state.passwords[id] = password
        changes.append(.password(id, password))
        outcomes.append(CommitResult.Outcome(action: .updated, previous: nil, current: nil))
      case .clearPassword(let id):
        state.passwords[id] = nil
        changes.append(.password(id, nil))
        outcomes.append(CommitResult.Outcome(action: .updated, previous: nil, current: nil))
      }
    }
    state.revision = revision
    return (
      CommitResult(revision: revision, outcomes: outcomes),
      ChangeBatch(revision: revision, changes: changes)
    )
  }

  private static func holds(_ condition: Precondition, _ previous: Record?) -> Bool {
    switch condition {
    case .none: true
    case .absent: previous == nil
    case .present: previous != nil
    case .revisions(let revisions): previous.map { revisions.contains($0.revision) } ?? false
    }
  }
}

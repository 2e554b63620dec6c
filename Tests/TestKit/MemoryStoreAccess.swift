public import Inventory
import Synchronization

extension MemoryStore {
  public func note(refused entry: AuditEntry) async throws(StoreError) {
    state.withLock { $0.note(entry) }
  }

  public func entries(_ query: AuditQuery) async throws(StoreError) -> [AuditEntry] {
    let all = state.withLock { $0.audit }.filter { entry in
      entry.position > query.after ?? 0
        && (query.subject == nil || query.subject == entry.subject)
    }
    return query.after == nil ? all.suffix(query.limit) : Array(all.prefix(query.limit))
  }

  public func access() async throws(StoreError) -> [AccessEntry] { state.withLock { $0.access } }

  public func grant(_ entry: AccessEntry, by context: WriteContext) async throws(StoreError) {
    let isFree = state.withLock { state in
      guard !state.access.contains(where: { $0.name == entry.name || $0.proof == entry.proof })
      else { return false }
      state.access.append(entry)
      state.note(
        AuditEntry(
          atSeconds: entry.createdAtSeconds, author: context.author,
          operation: context.operation, subject: .access(entry.name), outcome: .created))
      return true
    }
    guard isFree else { throw .accessExists("'\(entry.name)' is there already") }
  }

  public func revoke(_ name: String, by context: WriteContext, now: Int)
    async throws(StoreError)
  {
    let wasThere = state.withLock { state in
      guard let index = state.access.firstIndex(where: { $0.name == name }) else { return false }
      state.access.remove(at: index)
      state.note(
        AuditEntry(
          atSeconds: now, author: context.author, operation: context.operation,
          subject: .access(name), outcome: .deleted))
      return true
    }
    guard wasThere else { throw .accessMissing(name) }
  }
}

extension InventoryStore {
  /// A commit by nobody in particular.
  @discardableResult
  public func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    try await commit(mutations, by: .test, now: now, dryRun: dryRun)
  }
}

extension WriteContext {
  /// A test's own.
  public static let test = WriteContext(Author(.daemon, "test"), "test")
}

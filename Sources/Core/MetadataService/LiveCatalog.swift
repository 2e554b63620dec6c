public import Inventory
import Synchronization

/// The catalogue that every reader shares, and the place to wait for it to change.
///
/// Reads take a lock for the length of a look-up and never wait for the store.
public final class LiveCatalog: Sendable {
  private struct State {
    var catalog = Catalog()
    var isLoaded = false
    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
    var endsChangeWaits = false
  }

  private struct Waiter {
    let condition: Condition
    let continuation: CheckedContinuation<Bool, Never>
  }

  private enum Condition {
    case revision(Revision)
    case address(IPAddress, NetworkID?)
    case change(after: Revision)
  }

  private let state = Mutex(State())
  /// Counted for the instances of this catalogue.
  public let tokenless = TokenlessRequests()
  private let defaultMetadataOptions: MetadataOptions.Declared

  /// - Parameter defaultMetadataOptions: The daemon's own, which instances and projects overrule.
  public init(defaultMetadataOptions: MetadataOptions.Declared = MetadataOptions.Declared()) {
    self.defaultMetadataOptions = defaultMetadataOptions
  }

  /// Takes over a whole catalogue, as after reading the store.
  public func replace(with catalog: sending Catalog) {
    var catalog = catalog
    catalog.defaultMetadataOptions = defaultMetadataOptions
    tokenless.keep(only: catalog)
    let satisfied = state.withLock { state in
      state.catalog = catalog
      state.isLoaded = true
      return LiveCatalog.takeSatisfied(&state)
    }
    for waiter in satisfied { waiter.resume(returning: true) }
  }

  /// Takes one transaction's changes.
  public func apply(_ batch: ChangeBatch) {
    tokenless.forget(
      batch.changes.compactMap { change in
        guard case .deleted(let id, _) = change, id.kind == .instance else { return nil }
        return InstanceID(id.text)
      })
    let satisfied = state.withLock { state in
      state.catalog.apply(batch)
      return LiveCatalog.takeSatisfied(&state)
    }
    for waiter in satisfied { waiter.resume(returning: true) }
  }

  /// Whether the store has been read.
  public var isLoaded: Bool { state.withLock { $0.isLoaded } }

  /// The transaction that the catalogue has reached.
  public var revision: Revision { state.withLock { $0.catalog.revision } }

  /// Reads under the lock; keep it short.
  public func read<Result: Sendable>(_ body: (borrowing Catalog) -> Result) -> Result {
    state.withLock { body($0.catalog) }
  }

  /// Returns once the catalogue has reached a revision, or false when the task is cancelled first.
  @discardableResult
  public func wait(for revision: Revision) async -> Bool {
    await wait(.revision(revision))
  }

  /// Returns once somebody has declared the address, or false when the task is cancelled first.
  public func wait(for address: IPAddress, on network: NetworkID?) async -> Bool {
    await wait(.address(address, network))
  }

  /// Returns once the catalogue is another than at a revision, or false when the task is cancelled
  /// or waits for changes are ended first.
  func waitForChange(after revision: Revision) async -> Bool {
    await wait(.change(after: revision))
  }

  /// Ends all waits for changes, now and from now on.
  func endChangeWaits() {
    let ended = state.withLock { state in
      state.endsChangeWaits = true
      let ended = state.waiters.filter {
        if case .change = $0.value.condition { true } else { false }
      }
      for id in ended.keys { state.waiters[id] = nil }
      return ended.values.map(\.continuation)
    }
    for continuation in ended { continuation.resume(returning: false) }
  }

  private func wait(_ condition: Condition) async -> Bool {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          if LiveCatalog.holds(condition, in: state.catalog) { return true }
          if Task.isCancelled { return false }
          if case .change = condition, state.endsChangeWaits { return false }
          state.waiters[id] = Waiter(condition: condition, continuation: continuation)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
      waiter?.continuation.resume(returning: false)
    }
  }

  private static func takeSatisfied(_ state: inout State) -> [CheckedContinuation<Bool, Never>] {
    let catalog = state.catalog
    let satisfied = state.waiters.filter { holds($0.value.condition, in: catalog) }
    for id in satisfied.keys { state.waiters[id] = nil }
    return satisfied.values.map(\.continuation)
  }

  private static func holds(_ condition: Condition, in catalog: Catalog) -> Bool {
    switch condition {
    case .revision(let revision): return catalog.revision >= revision
    case .change(let revision): return catalog.revision != revision
    case .address(let address, let network):
      if case .unknown = catalog.match(address, on: network) { return false }
      return true
    }
  }
}

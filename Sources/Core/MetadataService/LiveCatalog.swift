public import Inventory
import Synchronization

/// The catalogue that every reader shares, and the place to wait for it to change.
///
/// Reads take a lock for the length of a look-up and never wait for the store. Until the store has been
/// read it is empty, and says so.
public final class LiveCatalog: Sendable {
  private struct State {
    var catalog = Catalog()
    /// Nil once the store has been read.
    var progress: Progress? = Progress()
    /// Of instances that were answered from the store while it was read.
    var earlyTallies: [InstanceID: RequestTally] = [:]
    var waiters = CatalogWaiters()
    var endsChangeWaits = false
  }

  /// How far the reading of the store is.
  public struct Progress: Sendable, Hashable {
    /// Records that have been read.
    public var read = 0
    /// Records that there are; zero where that is not known yet.
    public var total = 0
  }

  private let state = Mutex(State())
  /// Counts changes. It is written under the lock and read without it: a look at it is all that it takes
  /// to know that nothing has changed.
  private let clock = Atomic<UInt64>(0)
  private let defaultMetadataOptions: MetadataOptions.Declared

  /// - Parameter defaultMetadataOptions: The daemon's own, which instances and projects overrule.
  public init(defaultMetadataOptions: MetadataOptions.Declared = MetadataOptions.Declared()) {
    self.defaultMetadataOptions = defaultMetadataOptions
  }

  /// Takes over a whole catalogue, as after reading the store.
  public func replace(with catalog: sending Catalog) {
    var catalog = catalog
    catalog.defaultMetadataOptions = defaultMetadataOptions
    let counted = state.withLock { $0.catalog }.tallies(ofAll: false)
    catalog.adopt(counted)
    let (satisfied, old) = state.withLock { state in
      catalog.adopt(state.earlyTallies)
      state.earlyTallies = [:]
      let old = state.catalog
      catalog.generation = old.generation + 1
      state.catalog = catalog
      state.progress = nil
      clock.wrappingAdd(1, ordering: .releasing)
      return (state.waiters.takeSatisfied(by: state.catalog, isLoaded: true), old)
    }
    for waiter in satisfied { waiter.resume(returning: true) }
    // A million instances are let go of outside the lock.
    withExtendedLifetime(old) {}
  }

  /// Takes one transaction's changes.
  public func apply(_ batch: ChangeBatch) {
    let changes = CatalogChanges(batch)
    let satisfied = state.withLock { state in
      state.catalog.apply(changes)
      clock.wrappingAdd(1, ordering: .releasing)
      return state.waiters.takeSatisfied(
        by: state.catalog, isLoaded: state.progress == nil, after: changes)
    }
    for waiter in satisfied { waiter.resume(returning: true) }
  }

  // MARK: Reading the store

  /// Whether the store has been read.
  public var isLoaded: Bool { state.withLock { $0.progress == nil } }

  /// How far the reading of the store is; nil once it has been read.
  public var progress: Progress? { state.withLock { $0.progress } }

  /// Notes that more of the store has been read.
  public func note(read count: Int, of total: Int) {
    state.withLock { state in
      guard let progress = state.progress else { return }
      state.progress = Progress(read: progress.read + count, total: total)
    }
  }

  /// Returns once the store has been read, or false when the task is cancelled first.
  @discardableResult
  public func waitUntilLoaded() async -> Bool { await wait(.loaded) }

  /// A catalogue of a few records, with what is in force here.
  func catalog(of excerpt: InventorySnapshot) -> Catalog {
    var catalog = Catalog(excerpt)
    catalog.defaultMetadataOptions = defaultMetadataOptions
    var tallies = catalog.tallies(ofAll: true)
    state.withLock { state in
      guard state.progress != nil else { return }
      for (id, own) in tallies {
        tallies[id] = state.earlyTallies[id] ?? own
        state.earlyTallies[id] = tallies[id]
      }
    }
    catalog.adopt(tallies)
    return catalog
  }

  // MARK: Reading

  /// The transaction that the catalogue has reached.
  public var revision: Revision { state.withLock { $0.catalog.revision } }

  /// Reads under the lock; keep it short.
  public func read<Result: Sendable>(_ body: (borrowing Catalog) -> Result) -> Result {
    state.withLock { body($0.catalog) }
  }

  /// Who has an address, as of a moment: numbers, which a connection keeps.
  ///
  /// Each request is answered as of now all the same: ``isCurrent(_:)`` says whether anything has changed
  /// since, and that takes no lock.
  public struct Look: Sendable {
    fileprivate let clock: UInt64
    fileprivate let place: Catalog.Place?
    /// Whether somebody has declared the address. Where that is not known yet, everybody is taken for a
    /// guest.
    public let isKnown: Bool

    /// The version of the one instance that has the address; nil where it is not one.
    var version: Catalog.Version? { place?.version }
  }

  func look(for address: IPAddress, on network: NetworkID?) -> Look {
    state.withLock { state in
      let place = state.catalog.place(of: address, on: network)
      // Its request is still to be read.
      if let place { state.catalog.fetch(place) }
      let isKnown =
        place != nil || state.progress != nil || state.catalog.isDeclared(address, on: network)
      return Look(clock: clock.load(ordering: .relaxed), place: place, isKnown: isKnown)
    }
  }

  /// Whether a look would find the same now.
  func isCurrent(_ look: Look) -> Bool { look.clock == clock.load(ordering: .acquiring) }

  /// What an address leads to; nil where the store has not been read.
  /// - Parameter look: For the address. Where it is still true, nothing is looked for again.
  func find(_ address: IPAddress, on network: NetworkID?, after look: Look? = nil)
    -> Catalog.Finding?
  {
    state.withLock { state in
      guard state.progress == nil else { return nil }
      if let look, isCurrent(look), let place = look.place {
        return state.catalog.view(at: place).map { .instance($0) } ?? .unknown
      }
      return state.catalog.find(address, on: network)
    }
  }

  // MARK: Waiting

  /// Returns once the catalogue has reached a revision, or false when the task is cancelled first.
  @discardableResult
  public func wait(for revision: Revision) async -> Bool {
    await wait(.revision(revision))
  }

  /// Returns once somebody has declared the address, or false when the task is cancelled first.
  public func wait(for address: IPAddress, on network: NetworkID?) async -> Bool {
    await wait(.address(address, network))
  }

  /// Returns once the instance at an address is another one than it was, or false when the task is
  /// cancelled or waits for changes are ended first.
  func waitForChange(of view: InstanceView, at address: IPAddress, on network: NetworkID?)
    async -> Bool
  {
    await wait(.change(view.id, address, network, view.version))
  }

  /// Ends all waits for changes, now and from now on.
  func endChangeWaits() {
    let ended = state.withLock { state in
      state.endsChangeWaits = true
      return state.waiters.takeChangeWaits()
    }
    for continuation in ended { continuation.resume(returning: false) }
  }

  private func wait(_ condition: CatalogWaiters.Condition) async -> Bool {
    let number = state.withLock { $0.waiters.number() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          if CatalogWaiters.holds(
            condition, in: state.catalog, isLoaded: state.progress == nil)
          {
            return true
          }
          if Task.isCancelled { return false }
          if case .change = condition, state.endsChangeWaits { return false }
          state.waiters.add(continuation, as: number, for: condition)
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let continuation = state.withLock { $0.waiters.remove(number) }
      continuation?.resume(returning: false)
    }
  }
}

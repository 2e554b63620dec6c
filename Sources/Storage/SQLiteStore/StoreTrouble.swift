internal import GRDB
public import Inventory
internal import Synchronization

/// Why a store did not do what it was asked for the last time, and who is told when that changes.
final class StoreTrouble: Sendable {
  private typealias Report = @Sendable (StoreError?) -> Void

  private struct State {
    var error: StoreError?
    var report: Report?
    /// What was told last.
    var told: StoreError?
    /// One tells at a time, so that what is told last is what is so.
    var isTelling = false

    /// What is to be told, and to whom; nil where nothing is, and nobody tells any more.
    mutating func next() -> (report: Report, error: StoreError?)? {
      guard let report, told != error else {
        isTelling = false
        return nil
      }
      told = error
      return (report, error)
    }
  }

  private let state = Mutex(State())

  var current: StoreError? {
    get { state.withLock { $0.error } }
    set {
      state.withLock { $0.error = newValue }
      tell()
    }
  }

  /// Notes what the store has failed with; where the asker is to blame there is nothing to note.
  func note(_ error: StoreError) {
    switch error {
    case .full, .unavailable, .corrupt: current = error
    default: break
    }
  }

  func report(to report: @escaping @Sendable (StoreError?) -> Void) {
    state.withLock { state in
      state.report = report
      state.told = nil
    }
    tell()
  }

  /// Outside the lock, for who is told may look here. What changes meanwhile is told by the one who
  /// tells already.
  private func tell() {
    let mayTell = state.withLock { state in
      defer { state.isTelling = true }
      return !state.isTelling
    }
    guard mayTell else { return }
    while let next = state.withLock({ $0.next() }) { next.report(next.error) }
  }
}

extension SQLiteStore {
  /// Why the store did not do what it was asked for the last time; nil where it did, or where only
  /// the asker was to blame.
  public var problem: StoreError? { trouble.current }

  /// Calls `report` whenever ``problem`` changes.
  public func reportProblems(to report: @escaping @Sendable (StoreError?) -> Void) {
    trouble.report(to: report)
  }

  /// Finds out whether the store can be written to. Where it is in trouble, and known to be sound, this
  /// takes a write that leaves everything as it is, else a look at its files and the space that is left.
  /// - Returns: ``problem``, as it is now.
  @discardableResult
  public func check() async -> StoreError? {
    guard !handover.isBegun else { return trouble.current }
    let (failure, trouble, soundness) = (failure, trouble, soundness)
    // What it fails with is noted there.
    try? await onWritersQueue { db in
      if failure.directory.isFull { throw StoreError.full(failure.full) }
      // A look alone does not show that a write would succeed.
      guard trouble.current != nil, soundness.isKnown else { return }
      try SQLiteStore.transaction(db) { db in .commit(try ResourceTable(db: db).rewriteRevision()) }
      trouble.current = nil
    }
    return trouble.current
  }

  /// How a reading's failure is told.
  var failureOfReading: StoreFailure {
    isRead.load(ordering: .relaxed) ? failure.inUse : failure
  }

  /// What a reading's failure is told as, and noted: that the database is damaged must be known before
  /// more is written to it.
  func note(reading error: any Error) -> StoreError {
    let told = failureOfReading.storeError(error)
    soundness.note(told)
    // Who gives a reading up does not find fault with the store.
    if !(error is CancellationError) { trouble.note(told) }
    return told
  }
}

internal import GRDB
internal import Inventory
internal import Synchronization

/// How far a store has been handed over to another daemon.
///
/// There is one writer at a time: whoever hands over refuses writes from before the other one opens
/// the database until the other one has given up. The lock is shared meanwhile, and so never free.
final class StoreHandover: Sendable {
  private enum Phase {
    case none
    /// Writes are refused for a reason.
    case begun(String)
    /// The other daemon writes.
    case done(String)
  }

  private let phase = Mutex(Phase.none)

  var isBegun: Bool { reason != nil }

  var isDone: Bool {
    phase.withLock { phase in
      guard case .done = phase else { return false }
      return true
    }
  }

  /// - Throws: Where writes are refused.
  func check() throws(StoreError) {
    if let reason { throw .unavailable(reason) }
  }

  private var reason: String? {
    phase.withLock { phase in
      switch phase {
      case .none: nil
      case .begun(let reason), .done(let reason): reason
      }
    }
  }

  func begin(because reason: String) { phase.withLock { $0 = .begun(reason) } }

  func cancel() { phase.withLock { $0 = .none } }

  func finish() {
    phase.withLock { phase in
      if case .begun(let reason) = phase { phase = .done(reason) }
    }
  }
}

extension SQLiteStore {
  /// Refuses writes from now on; returns once those that are under way are done.
  /// - Parameter reason: What whoever wants to write is told.
  /// - Returns: The open file of the lock, for another daemon's store; it stays open here, too. Nil
  ///   where the store is closed.
  public func beginHandover(because reason: String) async -> Int32? {
    handover.begin(because: reason)
    await withCheckedContinuation { asker in
      pool.asyncWriteWithoutTransaction { _ in asker.resume() }
    }
    return lock.share()
  }

  /// Takes writes again: the other daemon has given up. Whoever follows the changes starts over from
  /// the log, which also has what the other one wrote.
  public func cancelHandover() {
    handover.cancel()
    feed.finish()
  }

  /// Leaves the store to the other daemon. Reads go on, until the store is closed.
  public func finishHandover() { handover.finish() }

  /// Whether another daemon writes.
  public var isHandedOver: Bool { handover.isDone }

  /// Has whoever follows the changes start over from the log, where another daemon's are.
  public func restartChanges() { feed.finish() }
}

internal import Inventory
internal import Synchronization

/// Hands each transaction to all who listen.
///
/// A listener first reserves its place, then reads what it missed from the log, then opens: what
/// is committed in between waits for it, so nothing is lost and nothing comes twice.
final class ChangeFeed: Sendable {
  private struct State {
    var listeners: [UInt64: Listener] = [:]
    var nextID: UInt64 = 0
  }

  private enum Listener {
    /// Reads the log; these came meanwhile.
    case reading([ChangeBatch])
    case open(AsyncStream<ChangeBatch>.Continuation)
  }

  private let state = Mutex(State())

  deinit { finish() }

  func reserve() -> UInt64 {
    state.withLock { state in
      state.nextID += 1
      state.listeners[state.nextID] = .reading([])
      return state.nextID
    }
  }

  func cancel(_ id: UInt64) {
    state.withLock { $0.listeners[id] = nil }
  }

  /// Gives a listener what it missed, what came since, and from now on whatever comes. One that
  /// lags too far behind finds its stream ended: it starts over from the revision it has reached,
  /// and memory stays bounded meanwhile.
  func open(_ id: UInt64, _ replay: ChangeLog.Replay) -> AsyncStream<ChangeBatch> {
    let capacity = replay.batches.count + Limits.maximumWatchBacklog
    let (stream, continuation) = AsyncStream.makeStream(
      of: ChangeBatch.self, bufferingPolicy: .bufferingOldest(capacity))
    continuation.onTermination = { [weak self] _ in self?.cancel(id) }
    let isOpen = state.withLock { state in
      guard case .reading(let waiting) = state.listeners[id] else { return false }
      for batch in replay.batches { continuation.yield(batch) }
      for batch in waiting where batch.revision > replay.reached { continuation.yield(batch) }
      state.listeners[id] = .open(continuation)
      return true
    }
    if !isOpen { continuation.finish() }
    return stream
  }

  /// To be called in the order of the transactions.
  func publish(_ batch: ChangeBatch) {
    let ended = state.withLock { state in
      var ended: [AsyncStream<ChangeBatch>.Continuation] = []
      for (id, listener) in state.listeners {
        switch listener {
        case .reading(let waiting): state.listeners[id] = .reading(waiting + [batch])
        case .open(let continuation):
          if case .enqueued = continuation.yield(batch) { continue }
          state.listeners[id] = nil
          ended.append(continuation)
        }
      }
      return ended
    }
    // Outside the lock: ending a stream calls back into `cancel`.
    for continuation in ended { continuation.finish() }
  }

  /// Ends all streams.
  func finish() {
    let listeners = state.withLock { state in
      defer { state.listeners = [:] }
      return state.listeners
    }
    for case .open(let continuation) in listeners.values { continuation.finish() }
  }
}

import Inventory
import Synchronization

/// Hands each transaction to everybody who listens, in the order of the commits.
final class ChangeFeed: Sendable {
  private struct State {
    var listeners: [Int: AsyncStream<ChangeBatch>.Continuation] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  /// Starts listening. Call it where no commit can come between it and what was read before.
  func listen(after replay: [ChangeBatch]) -> AsyncStream<ChangeBatch> {
    let (stream, continuation) = AsyncStream.makeStream(of: ChangeBatch.self)
    for batch in replay { continuation.yield(batch) }
    let id = state.withLock { state in
      state.next += 1
      state.listeners[state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { state in state.listeners[id] = nil }
    }
    return stream
  }

  func finish() {
    let listeners = state.withLock { Array($0.listeners.values) }
    for listener in listeners { listener.finish() }
  }

  func publish(_ batch: ChangeBatch) {
    let listeners = state.withLock { Array($0.listeners.values) }
    for listener in listeners { listener.yield(batch) }
  }
}

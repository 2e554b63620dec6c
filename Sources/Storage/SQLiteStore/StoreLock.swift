internal import Foundation
internal import Synchronization

/// A state directory's lock. The kernel lets go of it when the process ends, however it ends.
final class StoreLock: Sendable {
  private struct State {
    var file: Int32?
    /// Whether another process may have the same open file, whose lock it is, too.
    var isShared: Bool
  }

  private let state: Mutex<State>

  /// - Parameter isShared: Whether it comes from another process, which may have it still.
  init(file: Int32, isShared: Bool = false) {
    state = Mutex(State(file: file, isShared: isShared))
  }

  deinit { release() }

  /// The open file, for another process that is to share the lock; nil where it was let go of.
  func share() -> Int32? {
    state.withLock { state in
      state.isShared = true
      return state.file
    }
  }

  func release() {
    let (file, isShared) = state.withLock { state in
      defer { state.file = nil }
      return (state.file, state.isShared)
    }
    guard let file else { return }
    // A child that has been forked and has not become its program yet has the descriptor, too. A lock
    // that is shared is the other's as well: it goes with the last who has it open.
    if !isShared { flock(file, LOCK_UN) }
    close(file)
  }
}

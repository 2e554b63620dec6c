internal import Inventory
internal import Synchronization

/// Whether the database is sound, as far as that is known, and who waits to know it.
///
/// Nothing is written to a database that is damaged: it would make worse what can still be saved, and
/// might be lost itself.
final class StoreSoundness: Sendable {
  private struct State {
    var isKnown: Bool
    /// Why nothing may be written.
    var error: StoreError?
    var waiters: [CheckedContinuation<Void, Never>] = []

    var isDamaged: Bool { error?.isDamage == true }
  }

  private let state: Mutex<State>

  init(isKnown: Bool) { state = Mutex(State(isKnown: isKnown)) }

  var isKnown: Bool { state.withLock { $0.isKnown } }

  var isDamaged: Bool { state.withLock { $0.isDamaged } }

  /// - Throws: Where nothing may be written.
  func check() throws(StoreError) {
    if let error = state.withLock({ $0.error }) { throw error }
  }

  /// Returns once it is known.
  /// - Throws: Where nothing may be written.
  func wait() async throws(StoreError) {
    await withCheckedContinuation { waiter in
      let mustWait = state.withLock { state in
        let mustWait = !state.isKnown && state.error == nil
        if mustWait { state.waiters.append(waiter) }
        return mustWait
      }
      if !mustWait { waiter.resume() }
    }
    try check()
  }

  /// Notes what a write or a reading has failed with. What SQLite stumbles over is damage for good; it is
  /// to be noted before anybody else writes.
  func note(_ error: StoreError) {
    if error.isDamage { settle(error) }
  }

  /// Notes what was found. Damage stays, whatever is found later; another error says that it could not
  /// be found out yet.
  func settle(_ error: StoreError?) {
    let waiters = state.withLock { state in
      if !state.isDamaged {
        state.error = error
        state.isKnown = error == nil || state.isDamaged
      }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}

extension StoreError {
  /// Whether it says that what the store holds is damaged.
  var isDamage: Bool {
    if case .corrupt = self { true } else { false }
  }
}

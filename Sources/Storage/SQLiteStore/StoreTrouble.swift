internal import Inventory
internal import Synchronization

/// Why a store did not do what it was asked for the last time, and who is told when that changes.
final class StoreTrouble: Sendable {
  private struct State {
    var error: StoreError?
    var report: (@Sendable (StoreError?) -> Void)?
  }

  private let state = Mutex(State())

  var current: StoreError? {
    get { state.withLock { $0.error } }
    set {
      let report = state.withLock { state in
        defer { state.error = newValue }
        return state.error == newValue ? nil : state.report
      }
      report?(newValue)
    }
  }

  func report(to report: @escaping @Sendable (StoreError?) -> Void) {
    let error = state.withLock { state in
      state.report = report
      return state.error
    }
    if let error { report(error) }
  }
}

import Inventory
import Synchronization

/// Counts connections, in all and by guest, so that one guest cannot take every slot.
final class ConnectionLedger: Sendable {
  private struct State {
    var total = 0
    var byAddress: [IPAddress: Int] = [:]
  }

  private let state = Mutex(State())
  private let maximum: Int
  private let maximumPerGuest: Int

  init(
    maximum: Int = Limits.maximumConnections,
    maximumPerGuest: Int = Limits.maximumConnectionsPerGuest
  ) {
    self.maximum = maximum
    self.maximumPerGuest = maximumPerGuest
  }

  /// Whether one more connection from this address may be served. If so, ``release(_:)`` it.
  func take(_ address: IPAddress) -> Bool {
    state.withLock { state in
      let own = state.byAddress[address, default: 0]
      guard state.total < maximum, own < maximumPerGuest else { return false }
      state.total += 1
      state.byAddress[address] = own + 1
      return true
    }
  }

  func release(_ address: IPAddress) {
    state.withLock { state in
      guard let own = state.byAddress[address] else { return }
      state.total -= 1
      state.byAddress[address] = own == 1 ? nil : own - 1
    }
  }

  var count: Int { state.withLock { $0.total } }
}

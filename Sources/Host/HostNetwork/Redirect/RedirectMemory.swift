import Synchronization

/// What a check finds.
struct RedirectFinding: Hashable {
  var drift: [String]
  /// How many packets the translating rule counted: one for each connection.
  var packets: UInt64?
}

/// What need not be found out at every check.
final class RedirectMemory: Sendable {
  private struct State {
    var choice: RedirectSurvey.Choice?
    var hasIPv6 = false
    var nftables: NftablesListing?
    var iptables: [String: IptablesSave] = [:]
  }

  private let state = Mutex(State())

  var choice: RedirectSurvey.Choice? { state.withLock { $0.choice } }
  var hasIPv6: Bool { state.withLock { $0.hasIPv6 } }
  var nftables: NftablesListing? { state.withLock { $0.nftables } }

  func remember(_ choice: RedirectSurvey.Choice?, hasIPv6: Bool) {
    state.withLock {
      $0.choice = choice
      $0.hasIPv6 = hasIPv6
    }
  }

  func remember(_ listing: NftablesListing) { state.withLock { $0.nftables = listing } }

  func iptables(_ tool: String) -> IptablesSave? { state.withLock { $0.iptables[tool] } }

  func remember(_ save: IptablesSave, of tool: String) {
    state.withLock { $0.iptables[tool] = save }
  }
}

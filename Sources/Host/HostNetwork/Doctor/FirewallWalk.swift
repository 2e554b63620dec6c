import Inventory

/// All rules of a host, by whichever tool they were made.
struct Firewall: Hashable {
  private(set) var chains: [String: FirewallChain] = [:]

  mutating func add(_ chain: FirewallChain) { chains["\(chain.table) \(chain.name)"] = chain }

  subscript(table: String, name: String) -> FirewallChain? { chains["\(table) \(name)"] }

  /// What the walk through a chain, or a hook's chains, came to.
  struct Outcome: Hashable {
    /// The rule that surely decided; nil where none did.
    var rule: FirewallRule?
    /// The chain whose policy dropped the packet.
    var dropping: FirewallChain?
    /// Rules before it that may be for the packet: they are not understood in full.
    var possible: [FirewallRule] = []
  }

  // MARK: Questions

  /// What becomes of the packet's destination in prerouting.
  func destination(of packet: RoadPacket) -> Outcome {
    var possible: [FirewallRule] = []
    for chain in baseChains(.prerouting, isNAT: true, packet) {
      let outcome = walk(chain, packet)
      possible += outcome.possible.filter(\.isDestinationNAT)
      if let rule = outcome.rule, rule.isDestinationNAT || rule.verdict == .refuse {
        return Outcome(rule: rule, possible: possible)
      }
    }
    return Outcome(possible: possible)
  }

  /// What becomes of the packet's source in postrouting: a rule that translates it, or none.
  func source(of packet: RoadPacket) -> Outcome {
    var possible: [FirewallRule] = []
    for chain in baseChains(.postrouting, isNAT: true, packet) {
      let outcome = walk(chain, packet)
      possible += outcome.possible.filter { $0.verdict == .translateSource }
      switch outcome.rule?.verdict {
      case .translateSource: return Outcome(rule: outcome.rule, possible: possible)
      case .keepSource: return Outcome(possible: [])
      default: continue
      }
    }
    return Outcome(possible: possible)
  }

  /// What refuses the packet at a point: a rule, or a chain's policy.
  func refusal(of packet: RoadPacket, at point: FirewallChain.Hook.Point) -> Outcome {
    for chain in baseChains(point, isNAT: false, packet) {
      let outcome = walk(chain, packet)
      if outcome.rule?.verdict == .refuse || outcome.dropping != nil { return outcome }
    }
    return Outcome()
  }

  // MARK: Walking

  private func baseChains(
    _ point: FirewallChain.Hook.Point, isNAT: Bool, _ packet: RoadPacket
  ) -> [FirewallChain] {
    let families = packet.destination.isIPv4 ? ["ip", "inet"] : ["ip6", "inet"]
    return chains.values
      .filter { chain in
        chain.hook.map { $0.point == point && ($0.type == "nat") == isNAT } == true
          && families.contains(chain.family)
      }
      .sorted { ($0.hook?.priority ?? 0, $0.place) < ($1.hook?.priority ?? 0, $1.place) }
  }

  private func walk(_ chain: FirewallChain, _ packet: RoadPacket) -> Outcome {
    var outcome = Outcome()
    let end = walk(chain, packet, depth: 0, &outcome)
    if case .passed = end, chain.hook?.dropsByDefault == true { outcome.dropping = chain }
    return outcome
  }

  private enum End {
    case decided
    case passed
    case left
  }

  /// Chains can call one another so deep that the kernel refuses more (16).
  private static let maximumDepth = 16

  private func walk(
    _ chain: FirewallChain, _ packet: RoadPacket, depth: Int, _ outcome: inout Outcome
  ) -> End {
    for rule in chain.rules {
      let fit = rule.fit(packet)
      guard fit > .no else { continue }
      switch rule.verdict {
      case .goOn: continue
      case .back:
        if fit == .yes { return .passed }
      case .jump(let name), .goTo(let name):
        guard depth < Firewall.maximumDepth, let callee = self[chain.table, name] else { continue }
        if fit == .maybe {
          // What it decides may be decided.
          var inner = Outcome()
          _ = walk(callee, packet, depth: depth + 1, &inner)
          outcome.possible += inner.possible + [inner.rule].compactMap(\.self)
          continue
        }
        if walk(callee, packet, depth: depth + 1, &outcome) == .decided { return .decided }
        if case .goTo = rule.verdict { return .passed }
      case .notUnderstood: outcome.possible.append(rule)
      case .accept, .refuse, .translateDestination, .translateSource, .keepSource:
        guard fit == .yes else {
          outcome.possible.append(rule)
          continue
        }
        outcome.rule = rule
        return .decided
      }
    }
    return .passed
  }
}

extension FirewallRule {
  var isDestinationNAT: Bool {
    if case .translateDestination = verdict { true } else { false }
  }
}

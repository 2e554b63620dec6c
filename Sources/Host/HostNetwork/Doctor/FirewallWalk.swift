import Inventory

/// A rule, or a base chain's policy, that a packet meets.
struct FirewallHit: Hashable, Sendable {
  let chain: FirewallChain
  /// Nil: the chain's policy.
  let rule: FirewallRule?
  let verdict: FirewallVerdict
  let match: FirewallMatch
}

extension FirewallRuleset {
  /// What decides about a packet in a base chain: the rules that it may or must meet, in order, to
  /// the first that surely ends its way there; or the policy.
  func walk(_ packet: FirewallPacket, in chain: FirewallChain) -> [FirewallHit] {
    var walk = FirewallWalk(ruleset: self, packet: packet)
    let rest = walk.pass(chain, certainty: .yes, depth: 0)
    if rest > .no, chain.base?.dropsByPolicy == true {
      walk.hits.append(FirewallHit(chain: chain, rule: nil, verdict: .drop, match: rest))
    }
    return walk.hits
  }
}

private struct FirewallWalk {
  /// The kernel's own bound is 16 (NFT_JUMP_STACK_SIZE).
  static let maximumDepth = 32
  /// Jumps into the same chain from many rules multiply.
  static let maximumSteps = 200_000

  let ruleset: FirewallRuleset
  let packet: FirewallPacket
  var hits: [FirewallHit] = []
  private var steps = 0
  /// The chains that are being walked. The kernel takes no circles; a listing may be anything.
  private var entered: Set<String> = []

  init(ruleset: FirewallRuleset, packet: FirewallPacket) {
    self.ruleset = ruleset
    self.packet = packet
  }

  /// - Returns: How certainly the packet comes out at the end of the chain.
  mutating func pass(_ chain: FirewallChain, certainty: FirewallMatch, depth: Int) -> FirewallMatch
  {
    var certainty = certainty
    var returned = FirewallMatch.no
    for rule in chain.rules {
      steps += 1
      guard steps < Self.maximumSteps else { return .maybe }
      let asked = packet.match(rule)
      let match = min(asked, certainty)
      if match == .no { continue }
      // What goes on behind this rule, if the rule ends the way of what it matches.
      let behind: FirewallMatch = asked == .yes ? .no : match
      switch rule.verdict {
      case .returns:
        if depth == 0 { add(rule, in: chain, match) }
        returned = max(returned, match)
        certainty = behind
      case .jump(let name), .goto(let name):
        guard let target = ruleset.chain(name, beside: chain), depth < Self.maximumDepth,
          entered.insert(name).inserted
        else {
          add(rule, in: chain, .maybe)
          certainty = .maybe
          continue
        }
        let before = hits.count
        let out = pass(target, certainty: match, depth: depth + 1)
        entered.remove(name)
        if case .goto = rule.verdict {
          returned = max(returned, out)
          certainty = behind
        } else if hits.count > before {
          certainty = max(behind, out)
        }
      case .unknown:
        add(rule, in: chain, .maybe)
        certainty = .maybe
      default:
        add(rule, in: chain, match)
        certainty = behind
      }
      if certainty == .no { break }
    }
    return max(returned, certainty)
  }

  private mutating func add(_ rule: FirewallRule, in chain: FirewallChain, _ match: FirewallMatch) {
    hits.append(FirewallHit(chain: chain, rule: rule, verdict: rule.verdict, match: match))
  }
}

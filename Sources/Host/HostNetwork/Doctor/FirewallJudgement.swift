import Inventory

/// What a hook's chains make of a packet.
struct FirewallJudgement: Hashable, Sendable {
  /// What decides surely, or for some of the guests.
  var decisive: FirewallHit?
  /// What may decide: a rule that is not fully understood.
  var suspects: [FirewallHit] = []
}

extension FirewallRuleset {
  /// The first filter rule, or policy, that stops a packet.
  func filters(
    _ hook: String, _ packet: FirewallPacket, priorities: ClosedRange<Int> = Int.min...Int.max
  ) -> FirewallJudgement {
    var judgement = FirewallJudgement()
    for base in bases(hook, isNAT: false) where priorities.contains(base.base?.priority ?? 0) {
      if let device = base.base?.device, packet.inInterface.map({ $0 != device }) ?? false {
        continue
      }
      for hit in walk(packet, in: base) {
        switch hit.verdict {
        case .accept, .returns, .jump, .goto: continue
        case .drop, .reject, .notrack:
          if hit.match >= .some {
            judgement.decisive = hit
            return judgement
          }
          judgement.suspects.append(hit)
        default: judgement.suspects.append(hit)
        }
      }
    }
    return judgement
  }

  /// What binds a connection's translation. A verdict of `accept` ends one base chain only; the
  /// next one is still asked.
  func translation(_ hook: String, _ packet: FirewallPacket) -> FirewallJudgement {
    var judgement = FirewallJudgement()
    for base in bases(hook, isNAT: true) {
      for hit in walk(packet, in: base) {
        switch hit.verdict {
        case .accept, .returns, .jump, .goto: continue
        default:
          if hit.match >= .some {
            judgement.decisive = hit
            return judgement
          }
          judgement.suspects.append(hit)
        }
      }
    }
    return judgement
  }

  /// What lets a packet out of a NAT hook's chain before a translation.
  func exits(_ hook: String, _ packet: FirewallPacket) -> FirewallHit? {
    for base in bases(hook, isNAT: true) {
      for hit in walk(packet, in: base) where hit.match >= .some {
        if hit.verdict == .accept || hit.verdict == .returns { return hit }
      }
    }
    return nil
  }
}

extension FirewallHit {
  /// The rule's text and where it stands.
  var place: String {
    let table = chain.backend == .nftables ? "\(chain.family) \(chain.table)" : chain.table
    let at = "chain \(chain.name), table \(table) (\(chain.backend.rawValue))"
    guard let rule else { return "the policy drop of \(at)" }
    let number = rule.handle.map { "handle \($0)" } ?? "rule \(rule.position)"
    return "'\(printable(rule.text, maximum: 300))', \(number) of \(at)"
  }

  /// The command that takes the rule away.
  var removal: String? {
    guard let rule else { return nil }
    guard chain.backend == .nftables else {
      return "\(tool) -t \(chain.table) -D \(quoted(chain.name)) \(rule.position)"
    }
    return rule.handle.map {
      "nft delete rule \(chain.family) \(quoted(chain.table)) \(quoted(chain.name)) handle \($0)"
    }
  }

  /// The command that accepts packets to a service, or from it, ahead of the rule.
  func exception(_ address: IPAddress, port: Int, isReply: Bool) -> String {
    let family = address.isIPv4 ? "ip" : "ip6"
    guard chain.backend == .nftables else {
      let ends = isReply ? ("-s", "--sport") : ("-d", "--dport")
      return "\(tool) -t \(chain.table) -I \(quoted(chain.name)) 1 "
        + "\(ends.0) \(address) -p tcp \(ends.1) \(port) -j ACCEPT"
    }
    let ends = isReply ? ("saddr", "sport") : ("daddr", "dport")
    return "nft insert rule \(chain.family) \(quoted(chain.table)) \(quoted(chain.name)) "
      + "\(family) \(ends.0) \(address) tcp \(ends.1) \(port) accept"
  }

  private var tool: String {
    let isIPv4 = chain.family == "ip"
    switch chain.backend {
    case .iptablesLegacy: return isIPv4 ? "iptables-legacy" : "ip6tables-legacy"
    default: return isIPv4 ? "iptables-nft" : "ip6tables-nft"
    }
  }

  /// Names of chains are somebody else's words, and are pasted into a shell.
  private func quoted(_ name: String) -> String {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: ":"):
        true
      default: false
      }
    }
    return isPlain ? name : "'" + name.split(separator: "'").joined(separator: "'\\''") + "'"
  }
}

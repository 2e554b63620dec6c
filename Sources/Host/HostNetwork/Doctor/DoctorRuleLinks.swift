import Inventory

// The links that are rules: the redirect, and what stands before or after it.
extension DoctorJudge {
  func redirectItself() -> DoctorFinding {
    guard question.shape != .namespaces else {
      return .skipped(.redirect, "there is none: the daemon listens in the namespaces")
    }
    if let skipped = skipped(.redirect, after: .metadataHost) { return skipped }
    guard let redirect else { return .skipped(.redirect, "it cannot be looked at; run as root") }
    let backend = redirect.backend == "auto" ? "" : " (\(redirect.backend))"
    guard !redirect.drift.isEmpty else {
      let count = redirect.connections.map { ", \($0) connections so far" } ?? ""
      return .ok(.redirect, "in place\(backend)\(count)")
    }
    let drift = redirect.drift.joined(separator: "; ")
    // Somebody's own rule does as well; and what is there but comes too late is another link's.
    let works = question.shape == .router && hasLeadingRule
    return works
      ? .warning(.redirect, drift, "nameplate redirect install")
      : .failed(.redirect, drift, "nameplate redirect install")
  }

  private func leads(_ rule: FirewallRule) -> Bool {
    guard case .translateDestination(let address, let port) = rule.verdict, let address else {
      return false
    }
    return address == question.metadataHost
      && (port ?? MetadataAddress.port) == question.metadataPort
  }

  private var hasLeadingRule: Bool {
    facts.firewall.chains.values.contains { chain in chain.rules.contains(where: leads) }
  }

  func shadowed() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.shadowed)
      ?? skipped(.shadowed, after: .metadataHost, .redirect)
    {
      return skipped
    }
    guard redirect != nil || hasLeadingRule else {
      return .skipped(.shadowed, "the rules cannot be looked at; run as root")
    }
    for source in sources.isEmpty ? [question.metadataAddress] : sources {
      let outcome = facts.firewall.destination(of: sent(from: source))
      if let rule = outcome.rule, !leads(rule) {
        return .failed(
          .shadowed, "a rule ahead of the redirect takes guests' packets: \(rule.description)",
          "remove that rule, or except 169.254.169.254 from it; "
            + "nameplate redirect install puts ours ahead within its own table")
      }
      let others = outcome.possible.filter { !leads($0) }
      if let rule = others.first, !arrivedUntouched {
        return .warning(
          .shadowed, "a rule that may take guests' packets: \(rule.description)",
          "look at it, or probe from a guest with --from NETNS")
      }
    }
    return .ok(.shadowed, "the redirect is the first that is for them")
  }

  func filter() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.filter) ?? skipped(.filter, after: .metadataHost) {
      return skipped
    }
    if arrivedSource != nil { return .ok(.filter, "the guest's probe came through") }
    guard let host = question.metadataHost, !sources.isEmpty else {
      return .skipped(.filter, "no guest's address is known; give --as-guest IP")
    }
    for source in sources {
      let before = facts.firewall.refusal(of: sent(from: source), at: .prerouting)
      let point: FirewallChain.Hook.Point = isMetadataHostLocal ? .input : .forward
      let after = facts.firewall.refusal(of: translated(from: source, to: host), at: point)
      for outcome in [before, after] {
        if let rule = outcome.rule {
          return .failed(
            .filter, "guests' packets are dropped by \(rule.description)",
            "accept them before it: \(acceptance(host, rule.place))")
        }
        if let chain = outcome.dropping {
          return .failed(
            .filter, "guests' packets are dropped by the policy of \(chain.place)",
            "accept them there: \(acceptance(host, chain.place))")
        }
      }
    }
    return .ok(.filter, "nothing drops guests' packets")
  }

  /// The command that lets guests' packets pass.
  private func acceptance(_ host: IPAddress, _ place: String) -> String {
    let family = host.isIPv4 ? "ip" : "ip6"
    let words = place.split { $0 == " " || $0 == "," }.map(String.init)
    let chain = words.firstIndex(of: "chain").map { words[words.index(after: $0)...].first ?? "" }
    guard words.first == "table", words.count > 3 else {
      return
        "\(words.first?.replacing("-legacy", with: "").replacing("-nft", with: "") ?? "iptables")"
        + " -I \(chain ?? "FORWARD") -d \(host) -p tcp --dport \(question.metadataPort) -j ACCEPT"
    }
    return "nft insert rule \(words[1]) \(words[2]) \(chain ?? "forward") \(family) daddr \(host)"
      + " tcp dport \(question.metadataPort) accept"
  }

  func sourceNAT() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.sourceNAT) ?? skipped(.sourceNAT, after: .metadataHost) {
      return skipped
    }
    if isMetadataHostLocal {
      return .ok(
        .sourceNAT, "not needed: metadata_host is this host, and source NAT is for what leaves")
    }
    if arrivedUntouched { return .ok(.sourceNAT, "the guest's probe arrived with its own address") }
    guard let host = question.metadataHost, !sources.isEmpty else {
      return .skipped(.sourceNAT, "no guest's address is known; give --as-guest IP")
    }
    let arrived = arrivedSource.map { "; a probe arrived as \($0)" } ?? ""
    for source in sources {
      let outcome = facts.firewall.source(of: translated(from: source, to: host))
      let remedy = "nameplate redirect install puts its exemption ahead of the rule"
      if let rule = outcome.rule {
        return .failed(
          .sourceNAT, "the guest's address is translated by \(rule.description)\(arrived)", remedy)
      }
      if let rule = outcome.possible.first {
        return arrivedSource != nil
          ? .failed(
            .sourceNAT,
            "the guest's address is translated, as it seems by "
              + "\(rule.description)\(arrived)", remedy)
          : .warning(
            .sourceNAT, "a rule that may translate the guest's address: \(rule.description)",
            "look at it, or probe from a guest with --from NETNS")
      }
    }
    return .ok(.sourceNAT, "no rule translates guests' addresses on their way to \(destination)")
  }
}

import Inventory

/// The kernel's settings.
extension DoctorJudge {
  func reversePathFilter() -> DoctorFinding {
    let check = DoctorCheck.reversePathFilter
    guard facts.metadataAddress.isIPv4 else {
      return check.finding(.skipped, "IPv6 has no rp_filter")
    }
    var seen: [String] = []
    for source in facts.sources {
      guard let arrival = facts.arrival(source) else { continue }
      // The kernel takes the larger (ip-sysctl.rst); only 1 is strict.
      let all = facts.setting("net/ipv4/conf/all/rp_filter") ?? 0
      let value = max(all, facts.setting("net/ipv4/conf/\(arrival)/rp_filter") ?? 0)
      seen.append("\(value) on \(arrival)")
      guard value == 1, let back = facts.back(source)?.device, back != arrival else { continue }
      let name = arrival.split(separator: ".").joined(separator: "/")
      return check.finding(
        .failed,
        "rp_filter is 1 (strict) on \(arrival), where \(source) comes in, "
          + "and the way back to it is by \(back)",
        remedy: here("sysctl -w net.ipv4.conf.\(name).rp_filter=2"))
    }
    if seen.isEmpty { return check.finding(.skipped, "run with --from NETNS or --as-guest IP") }
    return check.finding(.ok, seen.joined(separator: ", "))
  }

  func conntrack() -> DoctorFinding {
    let check = DoctorCheck.conntrack
    guard facts.shape == .router else {
      return check.finding(.skipped, "nothing is translated here")
    }
    guard let count = facts.setting("net/netfilter/nf_conntrack_count"),
      let maximum = facts.setting("net/netfilter/nf_conntrack_max"), maximum > 0
    else { return check.finding(.skipped, "connection tracking is not there to be read") }
    let evidence = "\(count) of \(maximum) connections"
    let (doubled, overflows) = maximum.multipliedReportingOverflow(by: 2)
    let remedy = here("sysctl -w net.netfilter.nf_conntrack_max=\(overflows ? maximum : doubled)")
    switch Double(count) / Double(maximum) {
    case 0.95...: return check.finding(.failed, "\(evidence): new ones are dropped", remedy: remedy)
    case 0.80...: return check.finding(.warning, "\(evidence): nearly full", remedy: remedy)
    default: return check.finding(.ok, evidence)
    }
  }

  func ipForward() -> DoctorFinding {
    let check = DoctorCheck.ipForward
    if let skipped = because(check, of: [.metadataHost]) { return skipped }
    guard facts.goesOn else {
      return check.finding(.skipped, "the service is on this host; nothing is forwarded to it")
    }
    let isIPv4 = facts.metadataAddress.isIPv4
    let all = isIPv4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding"
    let devices = Set(facts.sources.compactMap { facts.arrival($0) }).sorted()
    // `ip_forward` sets all of them; one can be unset afterwards. IPv6 asks for both.
    let each = devices.map { "net/\(isIPv4 ? "ipv4" : "ipv6")/conf/\($0)/forwarding" }
    let asked = isIPv4 && !each.isEmpty ? each : [all]
    for path in asked {
      guard let value = facts.setting(path), value == 0 else { continue }
      let wanted = facts.setting(all) == 0 ? all : path
      let name = Self.sysctl(wanted)
      return check.finding(
        .failed, "\(name) is 0, and \(target) is on another host",
        remedy: here("sysctl -w \(name)=1"))
    }
    guard let value = facts.setting(all) else {
      return check.finding(.skipped, "\(Self.sysctl(all)) cannot be read")
    }
    return check.finding(.ok, "\(Self.sysctl(all)) is \(value)")
  }

  /// sysctl(8) takes either separator, and swaps the two.
  private static func sysctl(_ path: String) -> String {
    String(path.map { $0 == "/" ? "." : $0 == "." ? "/" : $0 })
  }

  func bridgeNetfilter() -> DoctorFinding {
    let check = DoctorCheck.bridgeNetfilter
    if let skipped = because(check, of: [.metadataHost]) { return skipped }
    let name =
      "net.bridge.bridge-nf-call-\(facts.metadataAddress.isIPv4 ? "iptables" : "ip6tables")"
    guard let bridge = sharedLink, facts.interface(bridge)?.kind == "bridge" else {
      return check.finding(.skipped, "no answer crosses a bridge of this host on its way to guests")
    }
    guard facts.setting(name.split(separator: ".").joined(separator: "/")) == 1 else {
      return check.finding(
        .failed,
        "guests and \(target) share the bridge \(bridge): answers cross it without being "
          + "translated back, as \(name) is not 1",
        remedy: here("modprobe br_netfilter && \(facts.hostPrefix)sysctl -w \(name)=1"))
    }
    return check.finding(.ok, "\(name) is 1, and answers cross \(bridge)")
  }

  /// The interface behind which both a guest and metadata_host are, on the same link.
  var sharedLink: String? {
    guard facts.goesOn, case .via(let device, nil, _)? = facts.toMetadataHost else { return nil }
    let isShared = facts.toGuests.contains {
      $0.route == .via(device: device, gateway: nil, source: $0.route.source)
    }
    return isShared ? device : nil
  }
}

extension DoctorRoute {
  var source: IPAddress? {
    if case .via(_, _, let source) = self { source } else { nil }
  }
}

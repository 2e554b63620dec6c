import Inventory

// The links that are the host's: addresses, listeners, settings of the kernel.
extension DoctorJudge {
  func metadataHost() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.metadataHost) { return skipped }
    guard let host = question.metadataHost else {
      return .failed(
        .metadataHost, "metadata_host is not set, so guests are sent nowhere",
        "set metadata_host to an address of the daemon's host, or give --metadata-host ADDRESS")
    }
    guard !host.isLoopback else {
      return .failed(
        .metadataHost, "\(host) is a loopback address, which guests cannot reach",
        "set metadata_host to another address of the daemon's host")
    }
    guard let route = facts.routeToMetadataHost else {
      return .failed(
        .metadataHost, "\(host) is no address of this host, and there is no route to it",
        "ip route add \(host) via ROUTER, or set metadata_host to an address of this host")
    }
    if isMetadataHostLocal { return .ok(.metadataHost, "\(host) is an address of this host") }
    let hop = route.gateway.map { " via \($0)" } ?? ""
    return .ok(.metadataHost, "\(host) is another host, reached by \(route.device)\(hop)")
  }

  func daemonItself() -> DoctorFinding {
    guard let daemon else {
      return .skipped(
        .daemon, "no daemon answers on the control socket here; say which one with --socket")
    }
    return .ok(.daemon, "nameplate \(daemon.version)")
  }

  func listener() -> DoctorFinding {
    guard question.shape == .router else { return ownListeners() }
    if let skipped = skipped(.listener, after: .metadataHost) { return skipped }
    let isOwn = isMetadataHostLocal
    switch facts.direct?.outcome {
    case .answered:
      if isOwn, let daemon, !daemon.sawDirect {
        return .failed(
          .listener, "a Nameplate answers at \(destination), but not the one of the control socket",
          "name the right control socket with --socket, or stop the other daemon")
      }
      return .ok(.listener, "Nameplate answers at \(destination)")
    case .answeredByOther(let what):
      return .failed(
        .listener, "\(destination) is answered by something else: \(what)",
        "ss -ltnp 'sport = :\(question.metadataPort)' shows what; stop it, or set another metadata_port"
      )
    case .refused:
      return .failed(
        .listener, "nothing listens at \(destination): the connection is refused",
        "start the daemon: nameplate serve; its metadata_listen must be 0.0.0.0 or metadata_host")
    case .timedOut:
      return .failed(
        .listener, "\(destination) does not answer within 4 s",
        "on that host: is a firewall before port \(question.metadataPort)?")
    case .unreachable:
      return .failed(
        .listener, "\(destination) cannot be reached: nobody answers for it on its link",
        "is that host up, with this address, on the link of "
          + "\(facts.routeToMetadataHost?.device ?? "its interface")?")
    case .notSent(let why): return .skipped(.listener, why)
    case nil: return .skipped(.listener, "it was not asked")
    }
  }

  private func ownListeners() -> DoctorFinding {
    guard let daemon else { return .skipped(.listener, "only the daemon knows its listeners") }
    if let closed = daemon.closed.first {
      let more = daemon.closed.count > 1 ? " (and \(daemon.closed.count - 1) more)" : ""
      return .failed(
        .listener, "a listener is closed: \(closed)\(more)", "nameplate listener list shows all")
    }
    guard !daemon.listeners.isEmpty else {
      return .failed(
        .listener, "the daemon has no listener", "configure listeners: see docs/networking")
    }
    return .ok(.listener, "\(daemon.listeners.count) listeners are open")
  }

  // MARK: The kernel's settings

  func ipForward() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.ipForward) ?? skipped(.ipForward, after: .metadataHost) {
      return skipped
    }
    if isMetadataHostLocal { return .ok(.ipForward, "not needed: metadata_host is this host") }
    let isIPv4 = question.metadataAddress.isIPv4
    let name = isIPv4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding"
    let key = isIPv4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"
    guard let value = facts.settings[name] else { return .skipped(.ipForward, "\(key) is unknown") }
    guard value == 0 else { return .ok(.ipForward, "\(key) is \(value)") }
    return .failed(
      .ipForward, "\(key) is 0: guests' packets are not sent on to \(destination)",
      "sysctl -w \(key)=1")
  }

  func reversePathFilter() -> DoctorFinding {
    guard let guest = facts.guestAddress, guest.isIPv4, let device = facts.arrivalDevice else {
      return .skipped(.reversePathFilter, "no guest's IPv4 address is known; give --as-guest IP")
    }
    let all = facts.settings["ipv4/conf/all/rp_filter"] ?? 0
    let own = facts.settings["ipv4/conf/\(device)/rp_filter"] ?? 0
    let value = max(all, own)
    guard value == 1, let route = facts.routeToGuest, route.device != device else {
      return .ok(.reversePathFilter, "rp_filter is \(value) on \(device)")
    }
    return .failed(
      .reversePathFilter,
      "rp_filter is strict on \(device), by which \(guest) comes in, but the route back to it is by "
        + route.device,
      "ip route add \(guest) dev \(device), or sysctl -w net.ipv4.conf.\(device).rp_filter=2"
        + " net.ipv4.conf.all.rp_filter=2")
  }

  func bridgeNetfilter() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.bridgeNetfilter)
      ?? skipped(.bridgeNetfilter, after: .metadataHost)
    {
      return skipped
    }
    if isMetadataHostLocal {
      return .ok(.bridgeNetfilter, "not needed: metadata_host is this host")
    }
    guard let out = facts.routeToMetadataHost, let device = facts.arrivalDevice else {
      return .skipped(.bridgeNetfilter, "no guest's address is known; give --as-guest IP")
    }
    guard out.device == device, out.gateway == nil else {
      return .ok(.bridgeNetfilter, "guests and metadata_host are on different links")
    }
    if facts.guest != nil, arrivedUntouched { return .ok(.bridgeNetfilter, "answers came back") }
    let isBridge = facts.bridges.contains(device)
    if isBridge, facts.settings["bridge/bridge-nf-call-iptables"] == 1 {
      return .ok(.bridgeNetfilter, "bridged answers pass by this host's rules")
    }
    return .failed(
      .bridgeNetfilter,
      "metadata_host is on the guests' own link (\(device)): its answers go past this host, "
        + "which cannot undo the translation",
      "give metadata_host an address on another link"
        + (isBridge ? ", or sysctl -w net.bridge.bridge-nf-call-iptables=1" : ""))
  }

  func conntrack() -> DoctorFinding {
    guard let count = facts.settings["netfilter/nf_conntrack_count"],
      let maximum = facts.settings["netfilter/nf_conntrack_max"], maximum > 0
    else { return .skipped(.conntrack, "the kernel tracks no connections here") }
    let evidence = "\(count) of \(maximum) connections"
    let remedy =
      "sysctl -w net.netfilter.nf_conntrack_max=\(maximum.multipliedReportingOverflow(by: 2).partialValue)"
    // In percent, without multiplying what the kernel said.
    let share = Double(count) / Double(maximum)
    if share >= 0.95 {
      return .failed(.conntrack, "the table is full: \(evidence); new ones are dropped", remedy)
    }
    return share >= 0.8 ? .warning(.conntrack, evidence, remedy) : .ok(.conntrack, evidence)
  }
}

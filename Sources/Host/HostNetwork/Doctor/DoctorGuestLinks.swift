import Inventory

// The links that only a guest's side shows, and what the daemon knows of the guest.
extension DoctorJudge {
  func guestRoute() -> DoctorFinding {
    guard let guest = facts.guest else { return .skipped(.guestRoute, Self.needsNamespace) }
    let target = question.metadataAddress
    guard guest.addresses.contains(where: { $0.device != "lo" }) else {
      return .failed(
        .guestRoute, "the guest has no address", "is DHCP answered on its network? ip address")
    }
    guard let route = guest.route else {
      return .failed(
        .guestRoute, "the guest has no route to \(target)",
        "in the guest: ip route add \(target) via ROUTER; for all: DHCP option 121 or a default route"
      )
    }
    if route.isLocal {
      return .failed(
        .guestRoute, "the guest has \(target) itself",
        "ip address del \(target) dev \(route.device)")
    }
    let isDead = ["FAILED", "INCOMPLETE"].contains(guest.nextHopState)
    guard let gateway = route.gateway else {
      guard isDead else { return .ok(.guestRoute, "on its own link, by \(route.device)") }
      return .failed(
        .guestRoute,
        "the guest looks for \(target) on its own link (\(route.device)), where nobody answers for it",
        question.shape == .router
          ? "take away its zeroconf route: ip route del 169.254.0.0/16; or choose redirect_shape local"
          : "nameplate redirect install puts the address on the link")
    }
    if isDead {
      return .failed(
        .guestRoute, "the guest's gateway \(gateway) does not answer on its link",
        "is \(gateway) the router's address, and is the link up? ip neigh")
    }
    if !facts.owns(gateway), question.shape == .router, arrivedSource == nil {
      return .failed(
        .guestRoute, "the guest sends to \(gateway), which is not this host",
        "install the redirect on that router, or route \(target) via this host (DHCP option 121)")
    }
    return .ok(.guestRoute, "via \(gateway) by \(route.device)")
  }

  func returnRoute() -> DoctorFinding {
    guard let guest = facts.guestAddress else {
      return .skipped(.returnRoute, "no guest's address is known; give --as-guest IP")
    }
    guard !guest.isLinkLocal else { return .ok(.returnRoute, "\(guest) is on the link itself") }
    guard let route = facts.routeToGuest else {
      return .failed(
        .returnRoute, "this host has no route to \(guest)", "ip route add \(guest) dev DEVICE")
    }
    let here = "\(guest) is reached by \(route.device)"
    guard question.shape == .router, !isMetadataHostLocal, facts.guest?.probe?.outcome == .timedOut,
      hasCounted, broken.isEmpty, case .answered = facts.direct?.outcome,
      let host = question.metadataHost
    else { return .ok(.returnRoute, here) }
    let device = facts.routeToMetadataHost?.device
    let own =
      facts.routeToMetadataHost?.source ?? facts.addresses.first { $0.device == device }?.address
    let block =
      facts.addresses.first { $0.block.contains(guest) && $0.device != "lo" }?.block.description
      ?? "\(guest)"
    return .failed(
      .returnRoute,
      "the guest's packet leaves for \(host), which answers this host but not the guest: it has no "
        + "route back to \(block)",
      "on \(host): ip route add \(block) via \(own.map { "\($0)" } ?? "THIS_HOST")")
  }

  private var hasCounted: Bool {
    guard let before = facts.guest?.countedBefore, let after = facts.guest?.countedAfter else {
      return false
    }
    return after > before
  }

  func counted() -> DoctorFinding {
    if let skipped = skippedOutsideRouter(.counted) { return skipped }
    guard let guest = facts.guest else { return .skipped(.counted, Self.needsNamespace) }
    if let skipped = skipped(
      .counted, after: .metadataHost, .redirect, .shadowed, .filter, .guestRoute,
      .reversePathFilter, .conntrack)
    {
      return skipped
    }
    guard let before = guest.countedBefore, let after = guest.countedAfter else {
      return .skipped(.counted, "nothing counts packets here")
    }
    if after > before { return .ok(.counted, "\(before) before the guest's probe, \(after) after") }
    if arrivedSource != nil {
      return .warning(
        .counted, "the guest's probe was answered, but not by way of the redirect",
        "is there another rule or router that brings guests to the daemon?")
    }
    return .failed(
      .counted, "the guest's probe did not come to the redirect's rule",
      "does the guest's packet reach this host? tcpdump -ni any host \(question.metadataAddress)")
  }

  func sourceAddress() -> DoctorFinding {
    guard let guest = facts.guest else { return .skipped(.sourceAddress, Self.needsNamespace) }
    let because =
      broken.isEmpty
      ? nil : "because of \(broken.map(\.rawValue).joined(separator: ", "))"
    switch guest.probe?.outcome {
    case .answered(let source):
      if isMetadataHostLocal || question.shape != .router, let daemon, !daemon.sawGuest {
        return .failed(
          .sourceAddress, "the guest is answered by a Nameplate that is not the daemon here",
          "who else has \(question.metadataAddress) on the guest's way? ip neigh in the guest")
      }
      if arrivedUntouched { return .ok(.sourceAddress, "the probe arrived as \(source)") }
      if let because { return .skipped(.sourceAddress, "\(because): arrived as \(source)") }
      let role = daemon?.sourceRole.map { " (\($0))" } ?? ""
      return .failed(
        .sourceAddress, "the probe arrived as \(source)\(role): the fixed IP was NATed away",
        "find the source NAT between this host and the daemon, and except \(destination) from it")
    case .answeredByOther(let what):
      if let because { return .skipped(.sourceAddress, "\(because): answered by \(what)") }
      return .failed(
        .sourceAddress, "the guest is answered by something else: \(what)",
        "who has \(question.metadataAddress) on the guest's way? ip neigh in the guest")
    case .notSent(let why): return .skipped(.sourceAddress, why)
    case .refused, .timedOut, .unreachable, nil:
      if let because { return .skipped(.sourceAddress, "\(because): no answer") }
      return .failed(
        .sourceAddress, "the guest gets no answer, and no link before shows why",
        "tcpdump -ni any tcp port \(question.metadataPort) or host \(question.metadataAddress)")
    }
  }

  func mtu() -> DoctorFinding {
    guard let guest = facts.guest else { return .skipped(.mtu, Self.needsNamespace) }
    guard arrivedSource != nil, let large = guest.largeProbe else {
      return skipped(.mtu, after: .sourceAddress) ?? .skipped(.mtu, "the guest gets no answer")
    }
    let own = guest.mtu.map { "; the guest's MTU is \($0)" } ?? ""
    switch large.outcome {
    case .answered: return .ok(.mtu, "\(DoctorProbe.largeBytes) bytes arrived\(own)")
    case .notSent(let why): return .skipped(.mtu, why)
    default:
      return .failed(
        .mtu, "a small answer arrives, one of \(DoctorProbe.largeBytes) bytes does not\(own)",
        "let ICMP 'fragmentation needed' pass, or lower the MTU: the network's `mtu` in its manifest "
          + "and the guests' interfaces")
    }
  }

  // MARK: What the daemon knows

  func declared() -> DoctorFinding {
    guard let daemon else { return .skipped(.declared, "only the daemon knows") }
    guard let guest = facts.guestAddress else {
      return .skipped(.declared, "no guest's address is known; give --as-guest IP")
    }
    if let holder = daemon.holder { return .ok(.declared, "\(guest) is \(holder)") }
    let role = daemon.role.map { ": it is \($0)" } ?? ""
    return .failed(
      .declared, "nobody has declared \(guest)\(role)",
      "nameplate apply -f MANIFEST with an instance that has this address on its network")
  }

  func strangers() -> DoctorFinding {
    guard let daemon else { return .skipped(.strangers, "only the daemon knows") }
    let lost = daemon.strangers.filter { $0.role != nil }
    guard let first = lost.first else {
      let others = daemon.strangers.count
      return .ok(
        .strangers, others == 0 ? "none" : "none; \(others) addresses that nobody has declared")
    }
    let all = lost.prefix(3).map { stranger in
      "\(stranger.requests) from \(stranger.address) (\(stranger.role ?? ""))"
    }.joined(separator: ", ")
    return .warning(
      .strangers, "requests whose fixed IP was NATed away: \(all), last seen \(first.lastSeen)",
      "run nameplate doctor on the router that has this address")
  }
}

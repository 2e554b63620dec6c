import Inventory

/// The guest's end of the road, and the road as a whole.
extension DoctorJudge {
  func guestRoute() -> DoctorFinding {
    let check = DoctorCheck.guestRoute
    guard let prefix = facts.guestPrefix, let route = facts.guestRoute else {
      return withoutGuest(check)
    }
    let address = facts.metadataAddress
    if facts.guestAddresses.isEmpty {
      return check.finding(
        .failed, "the guest has no address",
        remedy: "look why its DHCP client got none, and give it one")
    }
    let gateway = facts.sources.lazy.compactMap { facts.arrival($0) }.first
      .flatMap { facts.interface($0)?.addresses.first { $0.address.isIPv4 == address.isIPv4 } }?
      .address
    let remedy =
      "\(prefix)ip route replace \(address)/\(address.bitWidth) via "
      + "\(gateway.map { "\($0)" } ?? "THIS_HOST"), for good by DHCP option 121 or a default route"
    switch route {
    case .none(let why):
      return check.finding(
        .failed, "the guest has no route to \(address): \(why)", remedy: remedy)
    case .local(let device):
      return check.finding(
        .failed, "the guest has \(address) itself, on \(device)",
        remedy: "\(prefix)ip address del \(address) dev \(device)")
    case .via(let device, let hop, _):
      return guestHop(device, hop, remedy: remedy)
    }
  }

  private func guestHop(_ device: String, _ hop: IPAddress?, remedy: String) -> DoctorFinding {
    let check = DoctorCheck.guestRoute
    let address = facts.metadataAddress
    let way = hop.map { "via \($0) by \(device)" } ?? "on the link of \(device)"
    if isAnswered { return check.finding(.ok, "to \(address) \(way)") }
    var isOurs = hop.map(facts.owns) ?? false
    var whose = hop.map { "\($0)" } ?? "nobody that it has looked for"
    switch facts.guestNextHop {
    case .nobody?:
      let zeroconf = hop == nil ? " (a route of zeroconf's, 169.254.0.0/16?)" : ""
      return check.finding(
        .failed, "to \(address) \(way), where nobody answers for \(hop ?? address)" + zeroconf,
        remedy: remedy)
    case .found(let hardware)?:
      whose = hardware
      isOurs =
        isOurs
        || facts.interfaces.contains { $0.hardwareAddress == hardware && $0.name != "lo" }
    case nil: break
    }
    if isOurs { return check.finding(.ok, "to \(address) \(way), which is this host") }
    return check.finding(
      .failed, "to \(address) \(way), which is \(whose) and not this host", remedy: remedy)
  }

  func returnRoute() -> DoctorFinding {
    let check = DoctorCheck.returnRoute
    if facts.toGuests.isEmpty {
      return check.finding(.skipped, "no network is declared; run with --as-guest IP")
    }
    for (block, route) in facts.toGuests {
      switch route {
      case .none(let why):
        return check.finding(
          .failed, "this host has no route to \(block): \(why)",
          remedy: here("ip route add \(network(of: block)) dev INTERFACE"))
      case .local:
        return check.finding(
          .failed, "\(block) is an address of this host itself",
          remedy: "give the guest or this host another address")
      case .via: continue
      }
    }
    if let link = sharedLink, facts.interface(link)?.kind != "bridge" {
      return check.finding(
        .failed,
        "\(target) is on the guests' own link, \(link): it answers them directly and "
          + "nothing translates its answers back",
        remedy: "set metadata_host to an address of this host, or of a host on another link")
    }
    if let missing = missingReturn() { return missing }
    if let skipped = because(check, of: broken.filter { $0 == .listener || $0 == .metadataHost }) {
      return skipped
    }
    let ways = facts.toGuests.prefix(4).map { "\($0.block) by \($0.route.device ?? "")" }
    let rest =
      facts.goesOn && facts.probe == nil
      ? "; whether \(target) has one shows only with --from NETNS" : ""
    return check.finding(.ok, ways.joined(separator: ", ") + rest)
  }

  /// What remains where a request goes out as it should and nothing comes back.
  private func missingReturn() -> DoctorFinding? {
    let check = DoctorCheck.returnRoute
    guard facts.probe?.outcome == .timedOut, broken.isEmpty, let block = facts.sources.first else {
      return nil
    }
    if let arrival = facts.arrival(block), let back = facts.back(block)?.device, arrival != back {
      return check.finding(
        .failed, "answers to \(block) leave by \(back), and it is behind \(arrival)",
        remedy: here("ip route replace \(block) dev \(arrival)"))
    }
    guard facts.goesOn, let host = facts.metadataHost else { return nil }
    let network = network(of: block)
    let via = facts.toMetadataHost?.source.map { "\($0)" } ?? "THIS_HOST"
    return check.finding(
      .failed,
      "this host is answered by \(target), and \(who) is not, though its request is sent "
        + "on: \(host) has no route back to \(network), or drops it",
      remedy: "on \(host): ip route add \(network) via \(via)")
  }

  /// The declared network that a guest is of.
  private func network(of block: CIDR) -> CIDR {
    facts.guests.first { $0.contains(block.network) }
      ?? facts.interfaces.lazy.flatMap(\.addresses)
      .first { $0.prefixLength < $0.address.bitWidth && $0.block?.contains(block.network) == true }?
      .block ?? block
  }

  func probe() -> DoctorFinding {
    let check = DoctorCheck.probe
    guard let probe = facts.probe else { return withoutGuest(check) }
    if isAnswered { return check.finding(.ok, "the service answered the guest") }
    let evidence: String
    switch probe.outcome {
    case .answered:
      evidence = "it was answered by something that is not the daemon here: \(impostor ?? "")"
    case .stranger(let what): evidence = "\(what) answered, which is not the daemon here"
    case .refused: evidence = "connection refused"
    case .timedOut: evidence = "no answer in time"
    case .unreachable(let why): evidence = why
    }
    if let link = broken.first {
      return check.finding(.skipped, "because \(link.rawValue) is broken: \(evidence)")
    }
    return check.finding(
      .failed, evidence,
      remedy: here("tcpdump -ni any host \(who)") + ", while the guest asks, shows how far it comes"
    )
  }

  func sourceAddress() -> DoctorFinding {
    let check = DoctorCheck.sourceAddress
    guard facts.probe != nil else { return withoutGuest(check) }
    guard let seen = arrivedAs else {
      return because(check, of: broken) ?? check.finding(.skipped, "because no probe arrived")
    }
    if facts.guestAddresses.contains(seen) {
      return check.finding(.ok, "the guest arrives as \(seen)")
    }
    let whose = facts.interfaces.first { $0.addresses.contains { $0.address == seen } }
    let name = whose.map { " (this router's, on \($0.name))" } ?? ""
    let evidence = "\(who) arrives as \(seen)\(name): the fixed IP was NATed away"
    if broken.contains(.sourceNAT) {
      return check.finding(.skipped, "because source-nat is broken: \(evidence)")
    }
    return check.finding(
      .failed, evidence,
      remedy: "look for source NAT between this host and \(target), "
        + "and exempt packets to it")
  }

  func mtu() -> DoctorFinding {
    let check = DoctorCheck.mtu
    guard facts.probe != nil else { return withoutGuest(check) }
    guard let padded = facts.paddedProbe, isAnswered else {
      return because(check, of: broken) ?? check.finding(.skipped, "because no probe arrived")
    }
    let own = facts.guestInterfaces.first { $0.name == facts.guestRoute?.device }
    let arrival = facts.sources.lazy.compactMap { facts.interface(facts.arrival($0)) }.first
    let out = facts.goesOn ? facts.interface(facts.toMetadataHost?.device) : nil
    var places = own.map { ["guest's \($0.name) \($0.mtu)"] } ?? []
    places += [arrival, out].compactMap { $0 }.map { "\($0.name) \($0.mtu)" }
    let sizes = "MTU: " + places.joined(separator: ", ")
    guard case .answered(_, let bytes) = padded else {
      return check.finding(
        .failed, "a small answer passes and one of \(Probe.largePadding) bytes does not (\(sizes))",
        remedy: "give the guests the smallest MTU on the way (DHCP option 26), "
          + "and let ICMP \"fragmentation needed\" through")
    }
    if bytes < Probe.largePadding / 2 {
      return check.finding(.skipped, "the service gave no large answer (\(bytes) bytes)")
    }
    if let own, let arrival, own.mtu > arrival.mtu {
      return check.finding(
        .warning, "the guest sends packets larger than \(arrival.name) takes (\(sizes))",
        remedy: "\(facts.guestPrefix ?? "")ip link set \(own.name) mtu \(arrival.mtu)")
    }
    return check.finding(.ok, "an answer of \(bytes) bytes passes (\(sizes))")
  }
}

import Inventory

/// The packets that a guest's request is made of, as this host sees them.
extension DoctorFacts {
  /// As it comes in: to the metadata address.
  func request(_ source: CIDR?) -> FirewallPacket {
    FirewallPacket(
      source: source, destination: metadataAddress,
      destinationPort: MetadataAddress.port,
      inInterface: source.flatMap { arrival($0) }, outInterface: "",
      originalDestination: metadataAddress,
      originalDestinationPort: MetadataAddress.port,
      destinationIsLocal: owns(metadataAddress))
  }

  /// On its way on, once the destination is translated.
  func translatedRequest(_ source: CIDR?) -> FirewallPacket {
    var packet = request(source)
    packet.outInterface = goesOn ? toMetadataHost?.device : ""
    guard shape == .router, let metadataHost else { return packet }
    packet.destination = metadataHost
    packet.destinationPort = metadataPort
    packet.isTranslated = true
    packet.destinationIsLocal = isHere
    return packet
  }

  /// The answer, before its source is translated back (which happens in postrouting).
  func reply(_ source: CIDR?) -> FirewallPacket {
    let request = translatedRequest(source)
    var packet = request
    packet.source = CIDR(request.destination, prefixLength: request.destination.bitWidth)
    packet.destination = source?.network ?? request.destination
    packet.destinations = source
    packet.sourcePort = request.destinationPort
    packet.destinationPort = nil
    packet.inInterface = request.outInterface
    packet.outInterface = source.flatMap { back($0)?.device }
    packet.state = "established"
    packet.isReply = true
    packet.destinationIsLocal = false
    return packet
  }

  /// Whether the request leaves this host again.
  var goesOn: Bool { shape == .router && !isHere }

  /// Nil stands for guests of whom nothing is known.
  var askedSources: [CIDR?] { sources.isEmpty ? [nil] : sources.map { $0 } }
}

extension FirewallHit {
  /// Whether this is a translation to metadata_host:metadata_port.
  func leads(to host: IPAddress?, port: Int) -> Bool {
    guard case .dnat(let address?, let to) = verdict else { return false }
    return address == host && (to ?? MetadataAddress.port) == port
  }
}

extension DoctorFacts {
  /// What takes the request before or instead of the redirect, and what the redirect's own rule is.
  struct Capture: Hashable, Sendable {
    var thief: FirewallHit?
    var own: FirewallHit?
    var suspects: [FirewallHit] = []
  }

  /// NAT's place among the priorities of prerouting (NF_IP_PRI_NAT_DST).
  private static let translationPriority = -100

  func capture(_ source: CIDR?, _ rules: FirewallRuleset) -> Capture {
    var capture = Capture()
    let (first, second) = (request(source), translatedRequest(source))
    let early = rules.filters(
      "prerouting", first, priorities: Int.min...(Self.translationPriority - 1))
    let late = rules.filters(
      "prerouting", second, priorities: Self.translationPriority...Int.max)
    let ingress = rules.filters("ingress", first)
    let translation = rules.translation("prerouting", first)
    capture.suspects = ingress.suspects + early.suspects
    if let hit = translation.decisive, shape == .router,
      hit.leads(to: metadataHost, port: metadataPort)
    {
      capture.own = hit
    }
    capture.thief = ingress.decisive ?? early.decisive
    if capture.thief == nil, capture.own == nil {
      capture.thief = translation.decisive
      if shape == .router { capture.thief = capture.thief ?? rules.exits("prerouting", first) }
    }
    capture.suspects += translation.suspects + late.suspects
    capture.thief = capture.thief ?? late.decisive
    return capture
  }

  /// Rules that translate to metadata_host:metadata_port, whether packets come to them or not.
  func redirects(_ rules: FirewallRuleset) -> [FirewallHit] {
    rules.chains.flatMap { chain in
      chain.rules.map { FirewallHit(chain: chain, rule: $0, verdict: $0.verdict, match: .maybe) }
    }.filter { $0.leads(to: metadataHost, port: metadataPort) }
  }
}

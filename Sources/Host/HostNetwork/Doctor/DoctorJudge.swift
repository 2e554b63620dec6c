import Inventory

/// Judges facts, link by link.
struct DoctorJudge {
  let question: DoctorQuestion
  let facts: DoctorFacts
  let redirect: RedirectFacts?
  let daemon: DaemonFacts?
  private(set) var findings: [DoctorFinding] = []

  init(
    question: DoctorQuestion, facts: DoctorFacts, redirect: RedirectFacts?, daemon: DaemonFacts?
  ) {
    self.question = question
    self.facts = facts
    self.redirect = redirect
    self.daemon = daemon
  }

  mutating func judge() -> [DoctorFinding] {
    for link in DoctorLink.allCases { findings.append(finding(link)) }
    return findings
  }

  private func finding(_ link: DoctorLink) -> DoctorFinding {
    switch link {
    case .metadataHost: metadataHost()
    case .daemon: daemonItself()
    case .listener: listener()
    case .redirect: redirectItself()
    case .shadowed: shadowed()
    case .filter: filter()
    case .sourceNAT: sourceNAT()
    case .ipForward: ipForward()
    case .reversePathFilter: reversePathFilter()
    case .bridgeNetfilter: bridgeNetfilter()
    case .conntrack: conntrack()
    case .guestRoute: guestRoute()
    case .returnRoute: returnRoute()
    case .counted: counted()
    case .sourceAddress: sourceAddress()
    case .mtu: mtu()
    case .declared: declared()
    case .strangers: strangers()
    }
  }

  // MARK: Helpers

  /// A finding for a link that depends on broken ones; nil where it can be judged.
  func skipped(_ link: DoctorLink, after needed: DoctorLink...) -> DoctorFinding? {
    let broken = findings.filter { $0.status == .failed && needed.contains($0.link) }
    guard !broken.isEmpty else { return nil }
    return .skipped(link, "because of \(broken.map(\.link.rawValue).joined(separator: ", "))")
  }

  /// Links that have failed so far, save the daemon's view of the guest.
  var broken: [DoctorLink] { findings.filter { $0.status == .failed }.map(\.link) }

  func skippedOutsideRouter(_ link: DoctorLink) -> DoctorFinding? {
    question.shape == .router ? nil : .skipped(link, "guests are not sent on in this shape")
  }

  static let needsNamespace = "run with --from NETNS, a namespace on the guest's side"

  var isMetadataHostLocal: Bool {
    question.metadataHost.map(facts.owns) ?? false || facts.routeToMetadataHost?.isLocal == true
  }

  /// Where guests are sent, as in a URL.
  var destination: String {
    let host = question.metadataHost.map { $0.isIPv4 ? "\($0)" : "[\($0)]" } ?? "metadata_host"
    return "\(host):\(question.metadataPort)"
  }

  /// Sources to judge rules by: the guest's, or one of each block that guests have.
  var sources: [IPAddress] {
    let isIPv4 = question.metadataAddress.isIPv4
    let all = facts.guestAddress.map { [$0] } ?? question.guests.map(\.network)
    return all.filter { $0.isIPv4 == isIPv4 }
  }

  /// A guest's packet before it is translated.
  func sent(from source: IPAddress) -> RoadPacket {
    RoadPacket(
      source: source, destination: question.metadataAddress,
      destinationPort: MetadataAddress.port, inDevice: facts.arrivalDevice)
  }

  /// The same after it.
  func translated(from source: IPAddress, to host: IPAddress) -> RoadPacket {
    RoadPacket(
      source: source, destination: host, destinationPort: question.metadataPort,
      inDevice: facts.arrivalDevice, outDevice: facts.routeToMetadataHost?.device,
      original: (question.metadataAddress, MetadataAddress.port))
  }

  /// The source that the guest's probe arrived with.
  var arrivedSource: IPAddress? {
    if case .answered(let source) = facts.guest?.probe?.outcome { source } else { nil }
  }

  /// Whether the guest's probe arrived with an address of the guest's own.
  var arrivedUntouched: Bool {
    guard let source = arrivedSource, let guest = facts.guest else { return false }
    return guest.addresses.contains { $0.address == source }
  }
}

import Inventory

/// Judges the facts, link by link, in the order of ``DoctorCheck``.
struct DoctorJudge {
  let facts: DoctorFacts
  /// Links that are broken so far.
  private(set) var broken: [DoctorCheck] = []

  init(facts: DoctorFacts) { self.facts = facts }

  mutating func findings() -> [DoctorFinding] {
    var findings: [DoctorFinding] = []
    for check in DoctorCheck.allCases {
      var finding = judge(check)
      if finding.status == .failed, Self.refutable.contains(check), isAnswered {
        finding = check.finding(
          .warning, finding.evidence + "; yet the guest's probe was answered",
          remedy: finding.remedy)
      }
      if finding.status == .failed { broken.append(check) }
      findings.append(finding)
    }
    return findings
  }

  private func judge(_ check: DoctorCheck) -> DoctorFinding {
    switch check {
    case .metadataHost: metadataHost()
    case .daemon: daemon()
    case .listener: listener()
    case .guestRoute: guestRoute()
    case .redirect: redirect()
    case .shadowed: shadowed()
    case .reversePathFilter: reversePathFilter()
    case .conntrack: conntrack()
    case .counted: counted()
    case .ipForward: ipForward()
    case .bridgeNetfilter: bridgeNetfilter()
    case .filtered: filtered()
    case .sourceNAT: sourceNAT()
    case .returnRoute: returnRoute()
    case .probe: probe()
    case .sourceAddress: sourceAddress()
    case .declared: declared()
    case .mac: mac()
    case .mtu: mtu()
    case .strangers: strangers()
    }
  }

  /// What an answer to the guest's probe proves wrong: the reading of rules and routes can err, a
  /// request that came through cannot.
  private static let refutable: Set<DoctorCheck> = [
    .guestRoute, .redirect, .shadowed, .reversePathFilter, .ipForward, .bridgeNetfilter, .filtered,
    .returnRoute,
  ]
}

extension DoctorJudge {
  /// Skipped, where one of these links is broken.
  func because(_ check: DoctorCheck, of links: [DoctorCheck]) -> DoctorFinding? {
    guard let link = links.first(where: broken.contains) else { return nil }
    return check.finding(.skipped, "because \(link.rawValue) is broken")
  }

  func withoutGuest(_ check: DoctorCheck) -> DoctorFinding {
    check.finding(.skipped, "run with --from NETNS, the network namespace of a guest")
  }

  /// Whether the service here answered the guest's probe.
  var isAnswered: Bool {
    guard case .answered? = facts.probe?.outcome else { return false }
    return impostor == nil
  }

  /// Whether the guest's probe was made and came to nothing.
  var isUnanswered: Bool { facts.probe != nil && !isAnswered }

  /// Why what answered the guest is not the daemon here; nil where nothing says so.
  var impostor: String? {
    guard let probe = facts.probe, case .answered(let source, _) = probe.outcome else { return nil }
    switch probe.sighting {
    case nil: return nil
    case .unseen?:
      // A service on another host is not asked by this control socket.
      if !facts.isHere, facts.shape == .router, facts.direct?.sighting == .unseen { return nil }
      return "the daemon here has not seen the probe"
    case .seen(let seen, _)?:
      return seen == source ? nil : "it says \(source), the daemon here saw \(seen)"
    }
  }

  var target: String {
    guard let host = facts.metadataHost else { return "metadata_host" }
    return (host.isIPv4 ? "\(host)" : "[\(host)]") + ":\(facts.metadataPort)"
  }

  /// A guest, or what stands for all of them.
  var who: String { facts.guest.map { "\($0)" } ?? "the guests" }

  func here(_ command: String) -> String { facts.hostPrefix + command }
}

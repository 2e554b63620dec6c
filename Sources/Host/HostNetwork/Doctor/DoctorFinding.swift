public import Inventory

/// What the doctor says about one link of the guests' road to the service.
public struct DoctorFinding: Sendable, Hashable {
  public enum Status: String, Sendable, Hashable, CaseIterable {
    case ok, warning, failed
    /// It could not be judged: something before it is broken, or the facts were not asked for.
    case skipped

    /// One column wide: ✓ ! ✗ –
    public var symbol: String {
      switch self {
      case .ok: "✓"
      case .warning: "!"
      case .failed: "✗"
      case .skipped: "–"
      }
    }
  }

  /// A stable word, see ``DoctorCheck``.
  public let id: String
  /// What the link is, in a few words.
  public let title: String
  public let status: Status
  /// What was seen. One line of printable text.
  public let evidence: String
  /// A command to paste, or a sentence where no command does it. Nil where nothing is to be done.
  public let remedy: String?

  public init(id: String, title: String, status: Status, evidence: String, remedy: String? = nil) {
    self.id = id
    self.title = title
    self.status = status
    self.evidence = evidence
    self.remedy = remedy
  }

  /// For `--output json`.
  public var json: JSONValue {
    [
      "id": .string(id), "title": .string(title), "status": .string(status.rawValue),
      "evidence": .string(evidence), "remedy": JSONValue(remedy),
    ]
  }
}

extension [DoctorFinding] {
  /// 1 where a link is broken, else 0.
  public var doctorExitStatus: Int32 { contains { $0.status == .failed } ? 1 : 0 }

  /// Lines for a terminal: a symbol, the id and the evidence; a remedy on a line of its own.
  public var doctorTable: String {
    let width = map(\.id.count).max() ?? 0
    return map { finding in
      let pad = String(repeating: " ", count: width - finding.id.count)
      let line = "\(finding.status.symbol) \(finding.id)\(pad)  \(finding.evidence)\n"
      guard let remedy = finding.remedy else { return line }
      return line + String(repeating: " ", count: width + 4) + "→ \(remedy)\n"
    }.joined()
  }
}

/// The links of the road, in the order in which they are reported.
public enum DoctorCheck: String, Sendable, Hashable, CaseIterable {
  case metadataHost = "metadata-host"
  case daemon
  case listener
  case guestRoute = "guest-route"
  case redirect
  case shadowed
  case reversePathFilter = "rp-filter"
  case conntrack
  case counted
  case ipForward = "ip-forward"
  case bridgeNetfilter = "bridge-netfilter"
  case filtered
  case sourceNAT = "source-nat"
  case returnRoute = "return-route"
  case probe
  case sourceAddress = "source-address"
  case declared
  case mac
  case mtu
  case strangers

  public var title: String {
    switch self {
    case .metadataHost: "metadata_host is set and is an address that guests can be sent to"
    case .daemon: "the daemon answers on its control socket"
    case .listener: "the service listens at metadata_host:metadata_port"
    case .guestRoute: "the guest has a route to the metadata address, through this host"
    case .redirect: "the redirect is in place"
    case .shadowed: "no other rule takes guests' packets before the redirect"
    case .reversePathFilter: "rp_filter lets guests' packets in"
    case .conntrack: "the table of connections has room"
    case .counted: "the guest's packets come to the redirect's rule"
    case .ipForward: "this host forwards packets"
    case .bridgeNetfilter: "answers that cross a bridge of this host are translated back"
    case .filtered: "no filter drops the packets on their way"
    case .sourceNAT: "no source NAT hides the guests"
    case .returnRoute: "answers find the way back"
    case .probe: "a guest's request is answered"
    case .sourceAddress: "the guest's own address arrives"
    case .declared: "the guest's address is a declared instance's"
    case .mac: "requests come with the MAC of the interface that has their address"
    case .mtu: "large answers pass"
    case .strangers: "no requests come from addresses that are not guests'"
    }
  }
}

extension DoctorCheck {
  func finding(
    _ status: DoctorFinding.Status, _ evidence: String, remedy: String? = nil
  ) -> DoctorFinding {
    DoctorFinding(
      id: rawValue, title: title, status: status, evidence: printable(evidence), remedy: remedy)
  }
}

/// Rules' comments and what strangers answer may hold anything: one line, no control characters.
func printable(_ text: String, maximum: Int = 600) -> String {
  var clean = String.UnicodeScalarView()
  for scalar in text.unicodeScalars.prefix(maximum) {
    let isControl =
      scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
      || scalar.value == 0x2028 || scalar.value == 0x2029
    clean.append(isControl ? "?" : scalar)
  }
  let isCut = text.unicodeScalars.count > maximum
  return String(clean) + (isCut ? "…" : "")
}

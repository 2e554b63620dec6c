/// A link of the road from a guest to the daemon.
public enum DoctorLink: String, Sendable, CaseIterable {
  case metadataHost = "metadata-host"
  case daemon
  case listener
  case redirect
  case shadowed
  case filter
  case sourceNAT = "source-nat"
  case ipForward = "ip-forward"
  case reversePathFilter = "rp-filter"
  case bridgeNetfilter = "bridge-netfilter"
  case conntrack
  case guestRoute = "guest-route"
  case returnRoute = "return-route"
  case counted
  case sourceAddress = "source-address"
  case mtu
  case declared
  case strangers

  /// What holds where the link is whole.
  public var title: String {
    switch self {
    case .metadataHost: "metadata_host is set and reachable"
    case .daemon: "the daemon answers operators"
    case .listener: "the daemon listens where guests are sent"
    case .redirect: "the redirect is in place"
    case .shadowed: "no rule ahead of it takes the packet"
    case .filter: "no filter drops the packet"
    case .sourceNAT: "no rule translates the guest's address"
    case .ipForward: "the host forwards packets"
    case .reversePathFilter: "the reverse path filter lets guests in"
    case .bridgeNetfilter: "answers pass by this host"
    case .conntrack: "the connection table has room"
    case .guestRoute: "the guest has a route here"
    case .returnRoute: "answers find their way to the guest"
    case .counted: "the redirect counts the guest's packet"
    case .sourceAddress: "the guest's own address arrives"
    case .mtu: "large answers arrive"
    case .declared: "the address is a declared instance's"
    case .strangers: "no request has lost its address"
    }
  }
}

/// What a look at one link came to.
public struct DoctorFinding: Sendable, Hashable {
  public enum Status: String, Sendable, CaseIterable {
    case ok
    /// It works, and something is not as it should be.
    case warning
    case failed
    /// It could not be looked at, or another link that it depends on is broken.
    case skipped
  }

  public let link: DoctorLink
  public let status: Status
  /// What was seen.
  public let evidence: String
  /// What mends it: a command where there is one.
  public let remedy: String?

  static func ok(_ link: DoctorLink, _ evidence: String) -> DoctorFinding {
    DoctorFinding(link: link, status: .ok, evidence: evidence, remedy: nil)
  }

  static func skipped(_ link: DoctorLink, _ reason: String) -> DoctorFinding {
    DoctorFinding(link: link, status: .skipped, evidence: reason, remedy: nil)
  }

  static func warning(_ link: DoctorLink, _ evidence: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(link: link, status: .warning, evidence: evidence, remedy: remedy)
  }

  static func failed(_ link: DoctorLink, _ evidence: String, _ remedy: String) -> DoctorFinding {
    DoctorFinding(link: link, status: .failed, evidence: evidence, remedy: remedy)
  }
}

import Inventory

/// An interface as `ip -j -d address` lists it.
struct DoctorInterface: Hashable, Sendable {
  var name: String
  var mtu: Int
  var isUp: Bool
  /// `bridge`, `veth`…; empty for hardware.
  var kind: String
  var master: String?
  var hardwareAddress: String?
  var addresses: [Address]

  struct Address: Hashable, Sendable {
    var address: IPAddress
    var prefixLength: Int
    var block: CIDR? { CIDR(address, prefixLength: prefixLength) }
  }
}

/// What `ip -j route get` says about a destination.
enum DoctorRoute: Hashable, Sendable {
  case none(String)
  /// An address of the host itself.
  case local(device: String)
  case via(device: String, gateway: IPAddress?, source: IPAddress?)

  var device: String? {
    switch self {
    case .none: nil
    case .local(let device), .via(let device, _, _): device
    }
  }
}

/// Who has an address on a link.
enum DoctorNeighbour: Hashable, Sendable {
  /// The hardware address.
  case found(String)
  case nobody
}

/// What became of a probe.
enum ProbeOutcome: Hashable, Sendable {
  /// Nameplate answered, and says which source address it saw.
  case answered(source: IPAddress, bytes: Int)
  /// Something answered that is not Nameplate; what it looks like.
  case stranger(String)
  case refused
  case timedOut
  case unreachable(String)
}

/// A probe, and what the daemon here saw of it.
struct ProbeFacts: Hashable, Sendable {
  var outcome: ProbeOutcome
  /// Nil: there is no daemon to ask, or it did not say.
  var sighting: Sighting?

  enum Sighting: Hashable, Sendable {
    case unseen
    case seen(IPAddress, network: String?)
  }
}

/// Everything that the doctor judges from. What is nil was not asked for or could not be read.
struct DoctorFacts: Sendable {
  var metadataHost: IPAddress?
  var metadataPort = 0
  var shape = DoctorQuestion.Shape.router
  var guests: [CIDR] = []
  /// Where commands have to be run, as a prefix.
  var hostPrefix = ""
  var hostNamespace: String?
  var guestPrefix: String?

  var interfaces: [DoctorInterface] = []
  var toMetadataHost: DoctorRoute?
  /// The guest whom everything is about: named, or found in its namespace.
  var guest: IPAddress?
  /// From this host to the guest, or to an address of each network of guests.
  var toGuests: [(block: CIDR, route: DoctorRoute)] = []
  /// By their path below /proc/sys, with slashes.
  var settings: [String: String] = [:]
  var rules: FirewallRuleset?
  var redirect: Result<RedirectFacts?, DoctorFailure> = .success(nil)
  var packetsAfterProbe: UInt64?
  var direct: ProbeFacts?

  var guestInterfaces: [DoctorInterface] = []
  var guestRoute: DoctorRoute?
  /// Who answers for the next hop; nil where the guest has not looked for it.
  var guestNextHop: DoctorNeighbour?
  var probe: ProbeFacts?
  var paddedProbe: ProbeOutcome?

  var daemon: Result<DoctorDaemon.Status, DoctorFailure>?
  var owner: Result<DoctorDaemon.Owner, DoctorFailure>?
  var strangers: Result<[DoctorDaemon.Stranger], DoctorFailure>?
}

/// Why something could not be found out.
struct DoctorFailure: Error, Hashable, Sendable {
  let message: String
  init(_ error: any Error) { message = "\(error)" }
}

extension DoctorFacts {
  /// Where guests ask, of the family of metadata_host.
  var metadataAddress: IPAddress {
    metadataHost?.isIPv4 == false
      ? .v6(0xFD00_0EC2_0000_0000, 0x254) : .v4(0xA9FE_A9FE)
  }

  /// Whether metadata_host is an address of this host.
  var isHere: Bool {
    guard let metadataHost else { return false }
    if case .local = toMetadataHost { return true }
    return interfaces.contains { $0.addresses.contains { $0.address == metadataHost } }
  }

  func owns(_ address: IPAddress) -> Bool {
    interfaces.contains { $0.addresses.contains { $0.address == address } }
  }

  func interface(_ name: String?) -> DoctorInterface? { interfaces.first { $0.name == name } }

  /// The interface by which a guest's packets come in: where the guest's next hop is ours, else
  /// where the guest's network is, else the way back to it.
  func arrival(_ block: CIDR) -> String? {
    if case .via(_, let gateway?, _) = guestRoute, guest != nil,
      let found = interfaces.first(where: { $0.addresses.contains { $0.address == gateway } })
    {
      return found.name
    }
    if case .local(let device) = shape { return device }
    let onLink = interfaces.first {
      $0.name != "lo"
        && $0.addresses.contains {
          $0.block?.contains(block.network) == true
            || ($0.prefixLength < $0.address.bitWidth && block.contains($0.address))
        }
    }
    return onLink?.name ?? back(block)?.device
  }

  func back(_ block: CIDR) -> DoctorRoute? { toGuests.first { $0.block == block }?.route }

  /// Who is asked about: the guest, or all of a network.
  var sources: [CIDR] {
    if let guest { return [CIDR(guest, prefixLength: guest.bitWidth)].compactMap { $0 } }
    return guests.filter { $0.network.isIPv4 == metadataAddress.isIPv4 }
  }
}

extension DoctorFacts {
  /// An address that a guest of the block can have.
  static func member(of block: CIDR) -> IPAddress {
    guard block.prefixLength < block.network.bitWidth - 1 else { return block.network }
    switch block.network {
    case .v4(let bits): return .v4(bits | 2)
    case .v6(let upper, let lower): return .v6(upper, lower | 2)
    }
  }

  /// The guest's own addresses of the road's family, that are not of loopback or of one link.
  var guestAddresses: [IPAddress] {
    guestInterfaces.filter { $0.name != "lo" }.flatMap(\.addresses).map(\.address)
      .filter { $0.isIPv4 == metadataAddress.isIPv4 && !$0.isLinkLocal }
  }

  /// What is read below /proc/sys.
  var settingPaths: [String] {
    let family = metadataAddress.isIPv4 ? "ipv4" : "ipv6"
    let bridge = metadataAddress.isIPv4 ? "iptables" : "ip6tables"
    var paths = [
      "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/rp_filter",
      "net/bridge/bridge-nf-call-\(bridge)", "net/netfilter/nf_conntrack_count",
      "net/netfilter/nf_conntrack_max",
    ]
    for device in Set(sources.compactMap { arrival($0) }).sorted() {
      paths += ["net/ipv4/conf/\(device)/rp_filter", "net/\(family)/conf/\(device)/forwarding"]
    }
    return paths
  }

  func setting(_ path: String) -> Int? { settings[path].flatMap { Int($0) } }
}

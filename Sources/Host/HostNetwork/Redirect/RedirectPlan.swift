public import Inventory

/// The addresses at which a guest asks, and the port.
public enum MetadataAddress: String, Sendable, Hashable, CaseIterable, Comparable {
  case ipv4 = "169.254.169.254"
  /// The IPv6 address of EC2's instance metadata service.
  case ipv6 = "fd00:ec2::254"
  /// OpenStack's, on the guest's own link: it needs a zone (`fe80::a9fe:a9fe%eth0`).
  case linkLocal = "fe80::a9fe:a9fe"

  /// The port that guests use.
  public static let port = 80

  public static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
}

/// A value of a plan that cannot be used: which one, why, and what to write instead.
public struct RedirectPlanError: Error, Sendable, Hashable, CustomStringConvertible {
  /// As it is spelt in the configuration: `metadata_host`, `devices`…
  public let field: String
  public let problem: String

  public var description: String { "\(field): \(problem)" }
}

/// How guests' packets for the metadata address come to the service.
public struct RedirectPlan: Sendable, Hashable {
  public enum Shape: Sendable, Hashable {
    /// This host is the guests' router: their packets are sent on to metadata_host.
    case router(RouterRedirect)
    /// This host has the metadata address itself, on the guests' link; nothing is translated.
    case local(LocalRedirect)
  }

  /// What the rules of a router are written with.
  public enum Backend: String, Sendable, Hashable, CaseIterable {
    /// What the host already uses.
    case auto
    case nftables
    case iptablesNft = "iptables-nft"
    case iptablesLegacy = "iptables-legacy"
  }

  public let shape: Shape
  /// A local redirect has no rules and does not look at it.
  public let backend: Backend

  public init(_ shape: Shape, backend: Backend = .auto) {
    self.shape = shape
    self.backend = backend
  }
}

/// nova-network's shape: DNAT on the router of the guests.
public struct RouterRedirect: Sendable, Hashable {
  public let metadataHostIPv4: IPAddress?
  public let metadataHostIPv6: IPAddress?
  public let metadataPort: Int
  /// The interfaces by which guests come in; empty: any.
  public let devices: [String]
  /// Where guests' addresses are; empty: anywhere.
  public let guests: [CIDR]
  /// What the names of iptables' chains begin with: `nameplate`, or nova's `nova-network`.
  public let chainPrefix: String

  /// iptables' chain names have at most 28 bytes; the longest ending is `-POSTROUTING`.
  static let maximumChainPrefixBytes = 28 - "-POSTROUTING".utf8.count
  /// Each pair of a device and a network is a rule in iptables.
  static let maximumDevicesOrGuests = 64

  /// - Parameter metadataHostIPv4: Where packets for 169.254.169.254 go.
  /// - Parameter metadataHostIPv6: Where packets for fd00:ec2::254 go.
  /// - Throws: ``RedirectPlanError``. A loopback address is refused: it would need route_localnet,
  ///   which opens the host's loopback services to guests (CVE-2020-8558).
  public init(
    metadataHostIPv4: IPAddress? = nil, metadataHostIPv6: IPAddress? = nil, metadataPort: Int,
    devices: [String] = [], guests: [CIDR] = [], chainPrefix: String = "nameplate"
  ) throws(RedirectPlanError) {
    if metadataHostIPv4 == nil && metadataHostIPv6 == nil {
      throw RedirectPlanError(
        field: "metadata_host",
        problem: "is missing; name an address of the service in the configuration "
          + "or with --metadata-host")
    }
    if let metadataHostIPv4 { try Self.check(metadataHostIPv4, isIPv4: true, guests: guests) }
    if let metadataHostIPv6 { try Self.check(metadataHostIPv6, isIPv4: false, guests: guests) }
    guard (1...65535).contains(metadataPort) else {
      throw RedirectPlanError(field: "metadata_port", problem: "must be from 1 to 65535")
    }
    try checkDevices(devices)
    guard guests.count <= Self.maximumDevicesOrGuests else {
      throw RedirectPlanError(
        field: "guests", problem: "has more than \(Self.maximumDevicesOrGuests) networks")
    }
    guard (1...Self.maximumChainPrefixBytes).contains(chainPrefix.utf8.count),
      chainPrefix.utf8.allSatisfy({ isLetterOrDigit($0) || "_-".utf8.contains($0) }),
      !chainPrefix.hasPrefix("-")
    else {
      throw RedirectPlanError(
        field: "chain_prefix",
        problem: "must be 1 to \(Self.maximumChainPrefixBytes) of A-Z a-z 0-9 _ -, "
          + "and not begin with -")
    }
    self.metadataHostIPv4 = metadataHostIPv4
    self.metadataHostIPv6 = metadataHostIPv6
    self.metadataPort = metadataPort
    self.devices = devices
    self.guests = guests
    self.chainPrefix = chainPrefix
  }

  private static func check(
    _ host: IPAddress, isIPv4: Bool, guests: [CIDR]
  ) throws(RedirectPlanError) {
    let problem: String? =
      switch host {
      case _ where host.isIPv4 != isIPv4: "is not an IPv\(isIPv4 ? 4 : 6) address"
      case _ where !host.isUnicast || host.isUnspecifiedIPv4:
        "is no address of a host; name the address that the service listens on"
      case _ where host.isLoopback:
        "is a loopback address, which guests cannot reach safely; name another address of the host"
      case _ where host.isLinkLocal:
        "is a link-local address, which cannot be routed to; name a global or unique local one"
      case _ where MetadataAddress(rawValue: "\(host)") != nil:
        "is the metadata address itself; name an address of the service"
      case _ where !guests.isEmpty && !guests.contains { $0.network.isIPv4 == isIPv4 }:
        "is IPv\(isIPv4 ? 4 : 6), but guests has no such network; add one, or leave guests empty"
      default: nil
      }
    if let problem {
      throw RedirectPlanError(field: "metadata_host", problem: "\(host) \(problem)")
    }
  }
}

/// The metadata address on interfaces of this host, beside the host's own use of it.
public struct LocalRedirect: Sendable, Hashable {
  public let devices: [String]
  /// Which addresses; those of IPv6 are left out where a device has IPv6 disabled.
  public let addresses: Set<MetadataAddress>

  /// - Throws: ``RedirectPlanError``.
  public init(
    devices: [String], addresses: Set<MetadataAddress> = Set(MetadataAddress.allCases)
  ) throws(RedirectPlanError) {
    guard !devices.isEmpty else {
      throw RedirectPlanError(
        field: "devices", problem: "is empty; name the interface that guests are behind")
    }
    try checkDevices(devices)
    guard !addresses.isEmpty else {
      throw RedirectPlanError(field: "addresses", problem: "is empty; name at least one")
    }
    self.devices = devices
    self.addresses = addresses
  }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
    UInt8(ascii: "A")...UInt8(ascii: "Z"):
    true
  default: false
  }
}

/// The kernel takes nearly any name; what tools read as a pattern or an option is refused.
func checkDevices(_ devices: [String]) throws(RedirectPlanError) {
  guard devices.count <= RouterRedirect.maximumDevicesOrGuests else {
    throw RedirectPlanError(
      field: "devices", problem: "has more than \(RouterRedirect.maximumDevicesOrGuests) names")
  }
  guard Set(devices).count == devices.count else {
    throw RedirectPlanError(field: "devices", problem: "names an interface twice")
  }
  for device in devices {
    guard (1...15).contains(device.utf8.count), device != ".", device != "..",
      !device.hasPrefix("-"), device != "lo",
      device.utf8.allSatisfy({ isLetterOrDigit($0) || "_.-".utf8.contains($0) })
    else {
      throw RedirectPlanError(
        field: "devices",
        problem: "\"\(device.prefix(20))\" is no name of a guests' interface; "
          + "1 to 15 of A-Z a-z 0-9 _ . -")
    }
  }
}

extension IPAddress {
  /// 127.0.0.0/8 or ::1.
  var isLoopback: Bool {
    switch self {
    case .v4(let bits): bits >> 24 == 127
    case .v6(let upper, let lower): upper == 0 && lower == 1
    }
  }

  /// "This network", 0.0.0.0/8, and what is reserved, 240.0.0.0/4: nobody has these.
  var isUnspecifiedIPv4: Bool {
    if case .v4(let bits) = self { bits >> 24 == 0 || bits >> 28 == 0xF } else { false }
  }
}

public import Inventory

/// What may come in by a guest's port: frames of its own MAC with its own addresses.
public struct PortGuard: Sendable, Hashable {
  /// The port on the host's side: a tap device, or a veth's end.
  public let device: String
  public let mac: MACAddress
  /// The declared addresses, and the link-local one that follows from the MAC.
  public let addresses: [IPAddress]

  /// - Parameter addresses: Those that the guest may use beside the link-local one.
  /// - Throws: ``RedirectPlanError``.
  public init(
    device: String, mac: MACAddress, addresses: [IPAddress]
  ) throws(RedirectPlanError) {
    try checkDevices([device])
    guard mac.bits != 0, mac.bits >> 40 & 1 == 0 else {
      throw RedirectPlanError(field: "mac", problem: "\(mac) is no address of one guest's")
    }
    guard addresses.count <= Limits.maximumAddresses else {
      throw RedirectPlanError(
        field: "address", problem: "is given more than \(Limits.maximumAddresses) times")
    }
    for address in addresses {
      let problem: String? =
        switch address {
        case _ where MetadataAddress(rawValue: "\(address)") != nil:
          "is the metadata address, which is no guest's"
        case _ where !address.isUnicast || address.isLoopback || address.isUnspecifiedIPv4:
          "is no address of a guest"
        default: nil
        }
      if let problem {
        throw RedirectPlanError(field: "address", problem: "\(address) \(problem)")
      }
    }
    self.device = device
    self.mac = mac
    self.addresses = Set(addresses).union([mac.linkLocalAddress])
      .sorted { $0.networkBytes.lexicographicallyPrecedes($1.networkBytes) }
  }

  /// One table a port, so that one port's rules are replaced at once and no other's are touched.
  var table: String { PortGuard.table(device) }

  static func table(_ device: String) -> String { "netdev nameplate-\(device)" }
}

/// What is at a port.
public struct PortGuardReport: Sendable, Hashable {
  /// What is missing or wrong, in an operator's words.
  public let drift: [String]
  /// What was dropped since the rules were installed, by reason, in the rules' order.
  public let drops: [Drop]

  public struct Drop: Sendable, Hashable {
    /// Such as `source MAC`.
    public let reason: String
    public let packets: UInt64
  }

  public var isInPlace: Bool { drift.isEmpty }
}

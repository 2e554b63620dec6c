/// One thing that a local redirect needs: how it is made, taken away and recognised.
struct LocalPart: Hashable {
  enum Sign: Hashable {
    /// A line of these words, or one that begins with them.
    case line([String])
    /// The same, and it is the first of the lines that are for the address.
    case first([String], ofAny: String)
    /// An address of a device.
    case address(String, device: String)
    /// Such a line must not be there.
    case none([String])
  }
  let isIPv4: Bool
  let add: String
  /// Nil where nothing is to be undone.
  let delete: String?
  let sign: Sign
  /// For an operator: `the address 169.254.169.254/32 of br0`.
  let name: String
}

/// The parts of a local redirect, in an order in which each may be the last that was made.
///
/// The host's own packets for the address must go to its own provider. An address of a device brings
/// a route in the table `local`, which would take them. For IPv4 a `throw` route stands before it
/// there, so that the host never sees it; IPv6 has no such order, and the route is deleted as soon as
/// it has come. Guests' packets are told by the device that they come in by.
enum LocalText {
  /// Nobody else's, it is hoped: 169.254 without its dots.
  static let table = 16925
  /// After `local` (0), before `main` (32766).
  static let preference = 5

  static func parts(_ local: LocalRedirect, hasIPv6: (String) -> Bool) -> [LocalPart] {
    var parts: [LocalPart] = []
    if local.addresses.contains(.ipv4) {
      parts += [hidden] + shared(.ipv4, local.devices) + local.devices.map(ipv4Address)
    }
    let devices = local.devices.filter(hasIPv6)
    if local.addresses.contains(.ipv6), !devices.isEmpty {
      parts += shared(.ipv6, devices) + devices.flatMap(ipv6Address)
    }
    if local.addresses.contains(.linkLocal) { parts += devices.map(linkLocalAddress) }
    return parts
  }

  private static let hidden: LocalPart = {
    let route = "throw \(MetadataAddress.ipv4.rawValue)"
    return LocalPart(
      isIPv4: true, add: "route prepend \(route) table local",
      delete: "route del \(route) table local",
      sign: .first(route.split(separator: " ").map(String.init), ofAny: "local"),
      name: "the route '\(route)' first in table local")
  }()

  private static func shared(_ address: MetadataAddress, _ devices: [String]) -> [LocalPart] {
    let isIPv4 = address == .ipv4
    let route = "local \(address.rawValue) dev lo"
    let rules = devices.map { device in
      let rule = "iif \(device) to \(address.rawValue) lookup \(table)"
      return LocalPart(
        isIPv4: isIPv4, add: "rule add pref \(preference) \(rule)",
        delete: "rule del pref \(preference) \(rule)",
        sign: .line([
          "\(preference):", "from", "all", "to", address.rawValue, "iif", device, "lookup",
          "\(table)",
        ]),
        name: "the rule '\(rule)'")
    }
    return [
      LocalPart(
        isIPv4: isIPv4, add: "route add \(route) table \(table)",
        delete: "route del \(route) table \(table)",
        sign: .line(route.split(separator: " ").map(String.init)),
        name: "the route '\(route)' in table \(table)")
    ] + rules
  }

  private static func ipv4Address(_ device: String) -> LocalPart {
    address("\(MetadataAddress.ipv4.rawValue)/32", device, isIPv4: true, flags: "scope link")
  }

  private static func ipv6Address(_ device: String) -> [LocalPart] {
    let route = "local \(MetadataAddress.ipv6.rawValue) dev \(device)"
    return [
      address(
        "\(MetadataAddress.ipv6.rawValue)/128", device, isIPv4: false,
        flags: "nodad noprefixroute"),
      LocalPart(
        isIPv4: false, add: "route del \(route) table local", delete: nil,
        sign: .none(route.split(separator: " ").map(String.init)),
        name: "the absence of the route '\(route)' in table local"),
    ]
  }

  private static func linkLocalAddress(_ device: String) -> LocalPart {
    address("\(MetadataAddress.linkLocal.rawValue)/64", device, isIPv4: false, flags: "nodad")
  }

  private static func address(
    _ block: String, _ device: String, isIPv4: Bool, flags: String
  ) -> LocalPart {
    LocalPart(
      isIPv4: isIPv4, add: "address add \(block) dev \(device) \(flags)",
      delete: "address del \(block) dev \(device)", sign: .address(block, device: device),
      name: "the address \(block) of \(device)")
  }

  /// What to ask ip to see which parts are there.
  static func queries(_ devices: [String], isIPv4: Bool) -> String {
    let address = isIPv4 ? MetadataAddress.ipv4 : .ipv6
    let lines =
      [
        "rule show", "route show table local exact \(address.rawValue)",
        "route show table \(table)",
      ] + devices.map { "address show dev \($0)" }
    return lines.joined(separator: "\n")
  }

  static func batch(_ lines: [String], isIPv4: Bool) -> RedirectStep {
    RedirectStep(
      tool: "ip", arguments: [isIPv4 ? "-4" : "-6", "-batch", "-"],
      input: lines.map { $0 + "\n" }.joined())
  }
}

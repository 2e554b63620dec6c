/// One thing that a local redirect needs: how it is made, taken away and recognised.
struct LocalPart: Hashable {
  enum Sign: Hashable {
    /// A line of these words, or one that begins with them.
    case line([String])
    /// The same, and it is the first of the lines that are for the address.
    case first([String], ofAny: String)
    /// An address of a device.
    case address(String, device: String)
  }
  let isIPv4: Bool
  let add: String
  let delete: String
  let sign: Sign
  /// For an operator: `the address 169.254.169.254/32 of br0`.
  let name: String
}

/// The parts of a local redirect, in an order in which each may be the last that was made.
///
/// The host's own packets for the address must go to its own provider; guests' are told by the
/// device that they come in by. An address of a device brings a route in the table `local`, which
/// would take the host's packets too: for IPv4 a `throw` route stands before it, so that the host
/// never sees it. The rules come before that one: until a host has rules of its own, its tables
/// `local` and `main` are one to the kernel, and `throw` would end the look-up.
///
/// IPv6 needs no address to answer with fd00:ec2::254, and it must not have it: the host would take
/// it as the source of its own packets for it (RFC 6724, rule 1). So guests reach it through this
/// host as their router, and nobody answers for it on the link; fe80::a9fe:a9fe is there for that.
enum LocalText {
  /// Nobody else's, it is hoped: 169.254 without its dots.
  static let table = 16925
  /// After `local` (0), before `main` (32766).
  static let preference = 5

  static func parts(_ local: LocalRedirect, hasIPv6: (String) -> Bool) -> [LocalPart] {
    var parts: [LocalPart] = []
    if local.addresses.contains(.ipv4) {
      parts += shared(.ipv4, local.devices) + [hidden] + local.devices.map(ipv4Address)
    }
    let devices = local.devices.filter(hasIPv6)
    if local.addresses.contains(.ipv6), !devices.isEmpty {
      parts += shared(.ipv6, devices)
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

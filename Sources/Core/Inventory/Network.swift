/// A network that instances have addresses on.
public struct Network: Sendable, Hashable {
  public var id: NetworkID
  public var name: String?
  public var project: String?
  public var mtu: Int?
  /// Whether static addressing is written into the config drive (Nova's `injected`).
  public var injected: Bool
  /// The kind of virtual interface, as network_data.json's `type` has it.
  public var vifType: String?
  public var bridge: String?
  public var macCheck: MACCheck
  public var subnets: [Subnet]

  public init(id: NetworkID) {
    self.id = id
    injected = false
    macCheck = .enforce
    subnets = []
  }

  /// What becomes of a request whose address is an interface's and whose MAC is not.
  public enum MACCheck: String, Sendable, CaseIterable {
    /// It is refused.
    case enforce
    /// It is answered, counted and logged.
    case audit
    case off
  }

  /// The first subnet of an address family that holds one of `addresses`, else the first of that
  /// family. Nova knows only the subnets that a port has addresses in; we know all of a network's.
  public func subnet(isIPv4: Bool, holding addresses: some Sequence<IPAddress>) -> Subnet? {
    let family = subnets.filter { $0.cidr.network.isIPv4 == isIPv4 }
    return family.first { subnet in addresses.contains(where: subnet.cidr.contains) }
      ?? family.first
  }
}

/// A block of addresses of a network, and what its hosts must know.
public struct Subnet: Sendable, Hashable {
  public var id: String?
  public var cidr: CIDR
  public var gateway: IPAddress?
  public var dns: [IPAddress]
  public var routes: [Route]
  /// Whether hosts get their address by DHCP.
  public var dhcp: Bool
  public var dhcpServer: IPAddress?
  public var ipv6AddressMode: IPv6AddressMode?

  /// A route beside the default one.
  public struct Route: Sendable, Hashable {
    public var destination: CIDR
    public var gateway: IPAddress
  }

  /// Neutron's ways to give out IPv6 addresses.
  public enum IPv6AddressMode: String, Sendable, CaseIterable {
    case slaac
    case dhcpv6Stateful = "dhcpv6-stateful"
    case dhcpv6Stateless = "dhcpv6-stateless"
  }
}

extension Network {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    _ = fields.raw("kind")
    let text = try fields.required("id")
    guard let id = NetworkID(text) else {
      throw fields.error("id", "must be 1 to 64 characters of a-z, 0-9, '.' and '-'")
    }
    self.id = id
    name = try fields.string("name", rule: NameRule.line)
    project = try fields.string("project", rule: NameRule.identifier)
    mtu = try fields.integer("mtu", in: Limits.minimumMTU...Limits.maximumMTU)
    injected = try fields.bool("injected") ?? false
    vifType = try fields.string("vifType", rule: NameRule.line)
    bridge = try fields.string("bridge", rule: NameRule.line)
    macCheck = try fields.word("macCheck") ?? .enforce
    subnets =
      try fields.list("subnets", limit: Limits.maximumSubnets) {
        (value, path) throws(FieldError) in try Subnet(reading: value, path: path)
      } ?? []
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("kind", "Network")
    fields.put("id", id.text)
    fields.put("name", name)
    fields.put("project", project)
    fields.put("mtu", mtu)
    if injected { fields.put("injected", true) }
    fields.put("vifType", vifType)
    fields.put("bridge", bridge)
    if macCheck != .enforce { fields.put("macCheck", macCheck.rawValue) }
    fields.put("subnets", list: subnets.map(\.value))
    return fields.value
  }
}

extension Subnet {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    id = try fields.string("id", rule: NameRule.identifier)
    guard let cidr = try fields.parsed("cidr", "a block of addresses, like 10.20.0.0/24", CIDR.init)
    else { throw fields.error("cidr", "is required") }
    self.cidr = cidr
    gateway = try fields.parsed("gateway", "an IP address", IPAddress.init)
    dns =
      try fields.list("dns", limit: Limits.maximumDNSServers) {
        (value, path) throws(FieldError) in try IPAddress(reading: value, path: path)
      } ?? []
    routes =
      try fields.list("routes", limit: Limits.maximumRoutes) {
        (value, path) throws(FieldError) in try Route(reading: value, path: path)
      } ?? []
    dhcpServer = try fields.parsed("dhcpServer", "an IP address", IPAddress.init)
    dhcp = try fields.bool("dhcp") ?? (dhcpServer != nil)
    ipv6AddressMode = try fields.word("ipv6AddressMode")
    try fields.finish()
    if let gateway, gateway.isIPv4 != cidr.network.isIPv4 {
      throw FieldError(
        path: "\(path).gateway", message: "\(gateway) is not of the same family as \(cidr)")
    }
    if ipv6AddressMode != nil && cidr.network.isIPv4 {
      throw FieldError(
        path: "\(path).ipv6AddressMode", message: "\(cidr) is not an IPv6 subnet")
    }
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("id", id)
    fields.put("cidr", cidr.description)
    fields.put("gateway", gateway?.description)
    fields.put("dns", strings: dns.map(\.description))
    fields.put("routes", list: routes.map(\.value))
    if dhcp != (dhcpServer != nil) || dhcp { fields.put("dhcp", dhcp) }
    fields.put("dhcpServer", dhcpServer?.description)
    fields.put("ipv6AddressMode", ipv6AddressMode?.rawValue)
    return fields.value
  }
}

extension Subnet.Route {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    guard let destination = try fields.parsed("destination", "a block of addresses", CIDR.init)
    else { throw fields.error("destination", "is required") }
    guard let gateway = try fields.parsed("gateway", "an IP address", IPAddress.init)
    else { throw fields.error("gateway", "is required") }
    self.init(destination: destination, gateway: gateway)
    try fields.finish()
  }

  var value: JSONValue {
    ["destination": .string(destination.description), "gateway": .string(gateway.description)]
  }
}

extension IPAddress {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    let text = try FieldReader.string(value, path: path) { _ in nil }
    guard let address = IPAddress(text) else {
      throw FieldError(path: path, message: "'\(text)' is not an IP address")
    }
    self = address
  }
}

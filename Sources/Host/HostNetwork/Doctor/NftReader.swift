import Inventory

/// One rule's expressions, as nft writes them in JSON (libnftables-json(5)).
struct NftReader {
  private let isIPv4: Bool
  private let set: (String) -> [JSONValue]?
  private var conditions: [FirewallCondition] = []
  /// What can become of a packet that meets the conditions before, in order.
  private(set) var outcomes: [([FirewallCondition], FirewallVerdict)] = []

  init(_ expressions: [JSONValue], isIPv4: Bool, set: @escaping (String) -> [JSONValue]?) {
    self.isIPv4 = isIPv4
    self.set = set
    for expression in expressions {
      guard let member = Self.member(expression) else {
        conditions.append(.notUnderstood)
        continue
      }
      read(member.name, member.value)
    }
  }

  private mutating func read(_ name: String, _ value: JSONValue) {
    switch name {
    case "match": readMatch(value)
    case "vmap": readMap(value)
    case "counter", "log", "mangle", "ct helper": break
    case "limit", "quota", "xt", "ct count", "connlimit":
      conditions.append(.notUnderstood)
      if name == "xt", value["type"]?.string == "target" {
        outcomes.append((conditions, .unknown("xt")))
      }
    default: outcomes.append((conditions, verdict(name, value)))
    }
  }

  private func verdict(_ name: String, _ value: JSONValue) -> FirewallVerdict {
    switch name {
    case "accept": .accept
    case "drop": .drop
    case "reject": .reject
    case "return": .returns
    case "notrack": .notrack
    case "jump": .jump(value["target"]?.string ?? "")
    case "goto": .goto(value["target"]?.string ?? "")
    case "masquerade": .masquerade
    case "redirect": .redirect
    case "dnat":
      .dnat(value["addr"]?.string.flatMap { IPAddress($0) }, port: value["port"]?.integer)
    case "snat": .snat(keepsSource: isSourceItself(value["addr"]))
    default: .unknown(name)
    }
  }

  private func isSourceItself(_ value: JSONValue?) -> Bool {
    let payload = value?["payload"]
    return payload?["field"]?.string == "saddr"
      && payload?["protocol"]?.string == (isIPv4 ? "ip" : "ip6")
  }

  private mutating func readMatch(_ match: JSONValue) {
    guard let left = match["left"], let right = match["right"],
      let op = match["op"]?.string, ["==", "!=", "in"].contains(op),
      let field = field(left)
    else {
      conditions.append(impossible(match) ?? .notUnderstood)
      return
    }
    if let other = otherFamily(left) { conditions.append(other) }
    if let transport = transport(left) { conditions.append(transport) }
    let values = values(right, field)
    conditions.append(
      values.map { .field(field, $0, isNegated: op == "!=") } ?? .notUnderstood)
  }

  /// Each element of a verdict map is a rule.
  private mutating func readMap(_ map: JSONValue) {
    let data = map["data"]
    let elements = data?["set"]?.array ?? data?.string.flatMap { namedSet($0) }
    guard let key = map["key"], let field = field(key), let elements else {
      outcomes.append((conditions + [.notUnderstood], .unknown("vmap")))
      return
    }
    for element in elements.prefix(NftReader.maximumElements) {
      let pair = element.array ?? []
      guard pair.count == 2, let member = Self.member(pair[1]) else {
        outcomes.append((conditions + [.notUnderstood], .unknown("vmap")))
        continue
      }
      let values = values(pair[0], field)
      let condition = values.map { FirewallCondition.field(field, $0, isNegated: false) }
      outcomes.append(
        (conditions + [condition ?? .notUnderstood], verdict(member.name, member.value)))
    }
  }

  /// An expression is a map of one member.
  private static func member(_ value: JSONValue) -> (name: String, value: JSONValue)? {
    value.object?.first { _ in true }.map { ($0.key, $0.value) }
  }

  /// More would not be read by an operator either.
  private static let maximumElements = 10_000

  private func namedSet(_ name: String) -> [JSONValue]? {
    name.hasPrefix("@") ? set(String(name.dropFirst())) : nil
  }
}

extension NftReader {
  private func field(_ left: JSONValue) -> FirewallField? {
    if let payload = left["payload"] {
      switch (payload["protocol"]?.string, payload["field"]?.string) {
      case ("ip", "saddr"), ("ip6", "saddr"): return .source
      case ("ip", "daddr"), ("ip6", "daddr"): return .destination
      case ("tcp", "dport"), ("th", "dport"): return .destinationPort
      case ("tcp", "sport"), ("th", "sport"): return .sourcePort
      case ("ip", "protocol"), ("ip6", "nexthdr"): return .transport
      default: return nil
      }
    }
    switch left["meta"]?["key"]?.string {
    case "iifname", "iif": return .inInterface
    case "oifname", "oif": return .outInterface
    case "l4proto": return .transport
    case "nfproto": return .family
    default: break
    }
    if let ct = left["ct"] {
      let isOriginal = ct["dir"]?.string == "original"
      switch ct["key"]?.string {
      case "state": return .state
      case "status": return .status
      case "direction": return .direction
      case "ip daddr", "ip6 daddr", "daddr": return isOriginal ? .originalDestination : nil
      case "proto-dst": return isOriginal ? .originalDestinationPort : nil
      case "ip saddr", "ip6 saddr", "saddr": return isOriginal ? .source : nil
      default: return nil
      }
    }
    if let fib = left["fib"], fib["result"]?.string == "type",
      fib["flags"]?.array?.contains(.string("daddr")) == true || fib["flags"]?.string == "daddr"
    {
      return .destinationType
    }
    return nil
  }

  /// `ip saddr` holds for no packet of IPv6, whatever it is compared with.
  private func otherFamily(_ left: JSONValue) -> FirewallCondition? {
    let name = left["payload"]?["protocol"]?.string
    guard name == "ip" || name == "ip6" else { return nil }
    return .field(.family, [.word(name == "ip" ? "ipv4" : "ipv6")], isNegated: false)
  }

  private func transport(_ left: JSONValue) -> FirewallCondition? {
    guard left["payload"]?["protocol"]?.string == "tcp" else { return nil }
    return .field(.transport, [.word("tcp")], isNegated: false)
  }

  /// A question about another transport than TCP, which a packet of TCP never meets.
  private func impossible(_ match: JSONValue) -> FirewallCondition? {
    let name = match["left"]?["payload"]?["protocol"]?.string ?? ""
    guard ["udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "ah", "esp"].contains(name)
    else { return nil }
    return .field(.transport, [.word(name)], isNegated: false)
  }

  private func values(_ right: JSONValue, _ field: FirewallField) -> [FirewallValue]? {
    if let elements = right["set"]?.array ?? right.array ?? right.string.flatMap(namedSet) {
      let values = elements.map { value($0["elem"]?["val"] ?? $0, field) }
      let understood = values.compactMap { $0 }
      return understood.count == values.count ? understood : nil
    }
    return value(right, field).map { [$0] }
  }

  private func value(_ right: JSONValue, _ field: FirewallField) -> FirewallValue? {
    switch field {
    case .source, .destination, .originalDestination: return addresses(right)
    case .inInterface, .outInterface:
      guard let name = right.string else { return nil }
      return name.hasSuffix("*") ? .prefix(String(name.dropLast())) : .word(name)
    case .sourcePort, .destinationPort, .originalDestinationPort:
      return numbers(right) ?? right.string.flatMap { Self.services[$0] }.map { .numbers($0...$0) }
    case .transport: return numbers(right) ?? right.string.map { .word($0) }
    default: return right.string.map { .word($0) }
    }
  }

  /// Names that nft may print for ports that matter here.
  private static let services = ["http": 80, "https": 443, "ssh": 22, "domain": 53]

  private func numbers(_ value: JSONValue) -> FirewallValue? {
    if let number = value.integer { return .numbers(number...number) }
    let ends = value["range"]?.array?.compactMap(\.integer) ?? []
    return ends.count == 2 && ends[0] <= ends[1] ? .numbers(ends[0]...ends[1]) : nil
  }

  private func addresses(_ value: JSONValue) -> FirewallValue? {
    if let address = value.string.flatMap({ IPAddress($0) }) {
      return .addresses(address, address)
    }
    if let prefix = value["prefix"], let address = prefix["addr"]?.string,
      let length = prefix["len"]?.integer, let block = CIDR("\(address)/\(length)")
    {
      return .addresses(block.network, block.broadcast)
    }
    let ends = value["range"]?.array?.compactMap { $0.string.flatMap { IPAddress($0) } } ?? []
    return ends.count == 2 ? .addresses(ends[0], ends[1]) : nil
  }
}

import Inventory
import OrderedCollections

/// Reads what `nft -j list ruleset` prints, and the rules' texts from `nft -a list ruleset`.
enum NftablesRuleset {
  static func read(_ json: String, text: String, into firewall: inout Firewall) {
    guard let items = (try? JSONValue(parsing: json))?["nftables"]?.array else { return }
    let texts = rules(in: text)
    var chains: [String: FirewallChain] = [:]
    for item in items {
      if let value = item["chain"], let chain = chain(value) {
        chains["\(chain.table) \(chain.name)"] = chain
      } else if let value = item["rule"], let table = table(value),
        let name = value["chain"]?.string, let handle = value["handle"]?.integer,
        let chain = chains["\(table) \(name)"]
      {
        let text = texts["\(table) \(name) \(handle)"] ?? "rule \(handle)"
        chains["\(table) \(name)"]?.rules.append(rule(value, chain, handle, text))
      }
    }
    // iptables-nft's tables are read by its own tool, which knows what nft calls `xt`.
    let foreign = Set(
      chains.values.filter { $0.hook != nil && IptablesText.builtins.contains($0.name) }
        .map(\.table))
    for chain in chains.values where !foreign.contains(chain.table) { firewall.add(chain) }
  }

  /// Whether there are tables that iptables-nft has made.
  static func hasIptables(_ json: String) -> Bool {
    let items = (try? JSONValue(parsing: json))?["nftables"]?.array ?? []
    return items.contains { item in
      item["chain"]?["name"]?.string.map(IptablesText.builtins.contains) == true
        && item["chain"]?["hook"] != nil
    }
  }

  private static func table(_ value: JSONValue) -> String? {
    guard let family = value["family"]?.string, let table = value["table"]?.string else {
      return nil
    }
    return "table \(family) \(table)"
  }

  private static func chain(_ value: JSONValue) -> FirewallChain? {
    guard let table = table(value), let name = value["name"]?.string,
      let family = value["family"]?.string
    else { return nil }
    var chain = FirewallChain(table: table, name: name, family: family)
    if let point = value["hook"]?.string.flatMap(FirewallChain.Hook.Point.init),
      let type = value["type"]?.string, let priority = value["prio"]?.integer
    {
      chain.hook = FirewallChain.Hook(
        point: point, type: type, priority: priority,
        dropsByDefault: value["policy"]?.string == "drop")
    }
    return chain
  }

  /// The texts of rules by table, chain and handle.
  private static func rules(in text: String) -> [String: String] {
    var texts: [String: String] = [:]
    var (table, chain) = ("", "")
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      if words.count >= 3, words[0] == "table" {
        table = "table \(words[1]) \(words[2])"
      } else if words.count >= 2, words[0] == "chain" {
        chain = String(words[1])
      } else if words.count >= 3, words[words.count - 2] == "handle", words[words.count - 3] == "#"
      {
        texts["\(table) \(chain) \(words[words.count - 1])"] =
          words.dropLast(3).joined(separator: " ")
      }
    }
    return texts
  }

  private static func rule(
    _ value: JSONValue, _ chain: FirewallChain, _ handle: Int, _ text: String
  ) -> FirewallRule {
    var rule = FirewallRule(
      place: "\(chain.place), handle \(handle)", text: text, conditions: [], verdict: .goOn)
    for statement in value["expr"]?.array ?? [] {
      if let match = statement["match"] {
        rule.conditions.append(condition(match))
      } else if let verdict = verdict(statement) {
        rule.verdict = verdict
      }
    }
    return rule
  }

  // MARK: Conditions

  private static func condition(_ match: JSONValue) -> FirewallCondition {
    let isNegated = match["op"]?.string == "!="
    guard ["==", "!=", "in"].contains(match["op"]?.string), let left = match["left"],
      let subject = subject(left, values(match["right"] ?? .null))
    else { return FirewallCondition(subject: .notUnderstood) }
    return FirewallCondition(subject: subject, isNegated: isNegated)
  }

  /// A single value, or those of a set.
  private static func values(_ right: JSONValue) -> [JSONValue] {
    right.array ?? right["set"]?.array ?? [right]
  }

  private static func subject(_ left: JSONValue, _ values: [JSONValue])
    -> FirewallCondition.Subject?
  {
    if let payload = left["payload"] { return self.payload(payload, values) }
    let texts = values.compactMap(\.string)
    switch left["meta"]?["key"]?.string {
    case "l4proto": return .transport(values.map { $0.string ?? $0.text })
    case "iifname", "iif": return .inDevice(texts)
    case "oifname", "oif": return .outDevice(texts)
    default: break
    }
    guard let connection = left["ct"] else { return nil }
    let isOriginal = connection["dir"]?.string == "original"
    switch connection["key"]?.string {
    case "state": return .state(texts)
    case "status" where texts == ["dnat"]: return .translated
    case "ip daddr" where isOriginal, "ip6 daddr" where isOriginal, "daddr" where isOriginal:
      return blocks(values).map { .originalDestination($0) }
    case "proto-dst" where isOriginal: return ports(values).map { .originalPort($0) }
    default: return nil
    }
  }

  private static func payload(_ payload: JSONValue, _ values: [JSONValue])
    -> FirewallCondition.Subject?
  {
    guard let transport = payload["protocol"]?.string else { return nil }
    switch payload["field"]?.string {
    case "saddr": return blocks(values).map { .source($0) }
    case "daddr": return blocks(values).map { .destination($0) }
    case "protocol", "nexthdr": return .transport(values.map { $0.string ?? $0.text })
    case "dport" where transport == "tcp" || transport == "th":
      return ports(values).map { .destinationPort($0) }
    default:
      return ["udp", "icmp", "icmpv6", "sctp"].contains(transport) ? .transport([transport]) : nil
    }
  }

  private static func blocks(_ values: [JSONValue]) -> [CIDR]? {
    let blocks = values.compactMap { value -> CIDR? in
      if let text = value.string { return FirewallText.block(text) }
      guard let prefix = value["prefix"], let text = prefix["addr"]?.string,
        let address = IPAddress(text), let length = prefix["len"]?.integer
      else { return nil }
      return CIDR(address, prefixLength: length)
    }
    return blocks.count == values.count ? blocks : nil
  }

  private static func ports(_ values: [JSONValue]) -> [ClosedRange<Int>]? {
    let ranges = values.compactMap { value -> ClosedRange<Int>? in
      if let port = value.integer { return port...port }
      let ends = (value["range"]?.array ?? []).compactMap(\.integer)
      guard ends.count == 2, ends[0] <= ends[1] else { return nil }
      return ends[0]...ends[1]
    }
    return ranges.count == values.count ? ranges : nil
  }

  // MARK: Verdicts

  private static func verdict(_ statement: JSONValue) -> FirewallVerdict? {
    guard let (name, value) = statement.object?.elements.first else { return nil }
    switch name {
    case "accept": return .accept
    case "drop", "reject": return .refuse
    case "return": return .back
    case "masquerade": return .translateSource
    case "snat":
      let isOwn = value["addr"]?["payload"]?["field"]?.string == "saddr"
      return isOwn ? .keepSource : .translateSource
    case "redirect": return .translateDestination(nil, nil)
    case "dnat":
      return .translateDestination(
        value["addr"]?.string.flatMap { IPAddress($0) }, value["port"]?.integer)
    case "jump": return value["target"]?.string.map { .jump($0) }
    case "goto": return value["target"]?.string.map { .goTo($0) }
    case "vmap", "tproxy", "queue", "synproxy", "xt": return .notUnderstood
    default: return nil
    }
  }
}

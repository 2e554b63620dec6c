import Inventory

extension FirewallRuleset {
  /// Reads what `nft -j list ruleset` printed.
  /// - Parameter listing: What `nft -a list ruleset` printed: the rules' own texts, by handle.
  /// - Parameter isIPv4: Chains that see only the other family are left out.
  /// - Throws: ``JSONSyntaxError``.
  init(nftJSON text: String, listing: String, isIPv4: Bool) throws(JSONSyntaxError) {
    let document = try JSONValue(parsing: text)
    let texts = NftListing.texts(listing)
    var index: [[String]: Int] = [:]
    var sets: [[String]: [JSONValue]] = [:]
    let objects = document["nftables"]?.array ?? []
    for object in objects {
      if let set = object["set"], let key = NftListing.key(set, ["family", "table", "name"]) {
        sets[key] = set["elem"]?.array ?? []
      }
      guard let value = object["chain"],
        let key = NftListing.key(value, ["family", "table", "name"]),
        NftListing.sees(key[0], isIPv4: isIPv4)
      else { continue }
      index[key] = chains.count
      chains.append(
        FirewallChain(
          backend: .nftables, family: key[0], table: key[1], name: key[2],
          base: NftListing.base(value)))
    }
    for object in objects {
      guard let value = object["rule"],
        let key = NftListing.key(value, ["family", "table", "chain"]), let at = index[key]
      else { continue }
      let handle = value["handle"]?.integer
      let position = (chains[at].rules.last?.position ?? 0) + 1
      let reader = NftReader(
        value["expr"]?.array ?? [], isIPv4: isIPv4,
        set: { name in sets[[key[0], key[1], name]] })
      let text = handle.flatMap { texts[key + ["\($0)"]] } ?? "a rule without a text"
      // A rule with a verdict map is as many rules at one place.
      for (conditions, verdict) in reader.outcomes {
        chains[at].rules.append(
          FirewallRule(
            position: position, handle: handle, text: text, conditions: conditions,
            verdict: verdict))
      }
    }
  }

  /// Puts what iptables-nft-save printed in the place of what nft says about the same tables: nft
  /// cannot tell iptables' matches.
  mutating func replaceIptables(save: String, isIPv4: Bool) {
    let family = isIPv4 ? "ip" : "ip6"
    chains.removeAll { NftListing.isIptables($0) && $0.family == family }
    chains +=
      FirewallRuleset(
        iptablesSave: save, backend: .iptablesNft, isIPv4: isIPv4
      ).chains
  }
}

enum NftListing {
  static func key(_ value: JSONValue, _ names: [String]) -> [String]? {
    let words = names.compactMap { value[$0]?.string }
    return words.count == names.count ? words : nil
  }

  static func sees(_ family: String, isIPv4: Bool) -> Bool {
    family == "inet" || family == "netdev" || family == (isIPv4 ? "ip" : "ip6")
  }

  static func base(_ chain: JSONValue) -> FirewallChain.Base? {
    guard let hook = chain["hook"]?.string else { return nil }
    return FirewallChain.Base(
      hook: hook, isNAT: chain["type"]?.string == "nat",
      priority: chain["prio"]?.integer ?? 0, dropsByPolicy: chain["policy"]?.string == "drop",
      device: chain["dev"]?.string)
  }

  static let iptablesTables: Set<String> = ["filter", "nat", "mangle", "raw", "security"]

  /// Whether iptables-nft-save lists it: what is in its tables, but for base chains that have a
  /// name of their own.
  static func isIptables(_ chain: FirewallChain) -> Bool {
    guard chain.family != "inet", chain.family != "netdev", iptablesTables.contains(chain.table)
    else { return false }
    return chain.base == nil
      ? chain.rules.contains { $0.verdict == .unknown("xt") || $0.verdict == .unknown("") }
      : IptablesReader.base(table: chain.table, chain: chain.name, dropsByPolicy: false) != nil
  }

  /// The rules' texts by family, table, chain and handle.
  static func texts(_ listing: String) -> [[String]: String] {
    var texts: [[String]: String] = [:]
    var table: [String] = []
    var chain = ""
    for line in listing.split(separator: "\n") {
      let text = line.drop { $0 == "\t" || $0 == " " }
      let words = text.split(separator: " ", maxSplits: 3).map(String.init)
      switch words.first {
      case "table" where words.count >= 3: table = [words[1], words[2]]
      case "chain" where words.count >= 2: chain = words[1]
      default:
        guard let mark = lastHandle(text) else { continue }
        texts[table + [chain, mark.handle]] = mark.text
      }
    }
    return texts
  }

  /// `… # handle 7`
  private static func lastHandle(_ line: Substring) -> (text: String, handle: String)? {
    let words = line.split(separator: " ")
    guard words.count > 3, words[words.count - 2] == "handle", words[words.count - 3] == "#",
      let handle = words.last
    else { return nil }
    return (words.dropLast(3).joined(separator: " "), String(handle))
  }
}

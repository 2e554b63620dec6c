import Inventory

/// A router's redirect as one table of nftables, written as nft 1.0 lists it.
enum NftablesText {
  static let table = "inet nameplate"

  /// One transaction: the table is there, is deleted, is there again. (nft before 1.0.7 has no
  /// `destroy`.)
  static func install(_ router: RouterRedirect) -> RedirectStep {
    step(
      """
      table \(table) {
      }
      delete table \(table)

      """ + definition(router))
  }

  /// Two transactions: a packet that is on its way between the first's prerouting and the second's
  /// postrouting must not lose its source address on the way.
  static let remove = [
    step("flush chain \(table) prerouting\n"), step("delete table \(table)\n"),
  ]

  static func step(_ input: String) -> RedirectStep {
    RedirectStep(tool: "nft", arguments: ["-f", "-"], input: input)
  }

  static func definition(_ router: RouterRedirect) -> String {
    let families = router.families
    let chains: [(name: String, type: String, rules: [String])] = [
      (
        "prerouting", "type nat hook prerouting priority dstnat - 10",
        families.flatMap { translation(router, $0) }
      ),
      (
        "input", "type filter hook input priority filter - 10",
        families.flatMap { accepted(router, $0, replies: false) }
      ),
      (
        "forward", "type filter hook forward priority filter - 10",
        families.flatMap { accepted(router, $0, replies: true) + refused(router, $0) }
      ),
      (
        "postrouting", "type nat hook postrouting priority srcnat - 10",
        families.flatMap { exemption(router, $0) }
      ),
    ]
    let texts = chains.map { chain in
      let lines = ["\(chain.type); policy accept;"] + chain.rules
      return "\tchain \(chain.name) {\n" + lines.map { "\t\t\($0)\n" }.joined() + "\t}\n"
    }
    return "table \(table) {\n" + texts.joined(separator: "\n") + "}\n"
  }

  private static func translation(_ router: RouterRedirect, _ family: RedirectFamily) -> [String] {
    guard let host = family.host else { return [] }
    let target = family.isIPv4 ? "\(host)" : "[\(host)]"
    let ip = word(family)
    return [
      from(router, family)
        + "\(ip) daddr \(family.metadataAddress) tcp dport \(MetadataAddress.port) counter "
        + "dnat \(ip) to \(target):\(router.metadataPort)"
    ]
  }

  /// Counts what passes. That it is accepted binds this table only.
  private static func accepted(
    _ router: RouterRedirect, _ family: RedirectFamily, replies: Bool
  ) -> [String] {
    guard let host = family.host else { return [] }
    let (ip, port) = (word(family), router.metadataPort)
    var rules = ["\(ip) daddr \(host) tcp dport \(port) \(translated(family)) counter accept"]
    if replies {
      rules.append("\(ip) saddr \(host) tcp sport \(port) \(translated(family)) counter accept")
    }
    return rules
  }

  /// Whatever is still addressed to the metadata address would reach somebody else's service.
  private static func refused(_ router: RouterRedirect, _ family: RedirectFamily) -> [String] {
    let match = from(router, family) + "\(word(family)) daddr \(family.metadataAddress)"
    let icmp = family.isIPv4 ? "icmp" : "icmpv6"
    return [
      "\(match) meta l4proto tcp counter reject with tcp reset",
      "\(match) counter reject with \(icmp) port-unreachable",
    ]
  }

  /// The source is translated to itself. A verdict ends this chain only, but a connection's source
  /// is bound once: no later rule, of whichever table, translates it again (Launchpad 968453).
  private static func exemption(_ router: RouterRedirect, _ family: RedirectFamily) -> [String] {
    guard let host = family.host else { return [] }
    let ip = word(family)
    return [
      "\(ip) daddr \(host) tcp dport \(router.metadataPort) \(translated(family)) counter "
        + "snat \(ip) to \(ip) saddr"
    ]
  }

  /// Only what was addressed to the metadata address at first.
  private static func translated(_ family: RedirectFamily) -> String {
    "ct status dnat ct original \(word(family)) daddr \(family.metadataAddress) "
      + "ct original proto-dst \(MetadataAddress.port)"
  }

  private static func from(_ router: RouterRedirect, _ family: RedirectFamily) -> String {
    set("iifname", router.devices.map { "\"\($0)\"" })
      + set("\(word(family)) saddr", family.guests.map(\.description))
  }

  private static func set(_ key: String, _ values: [String]) -> String {
    switch values.count {
    case 0: ""
    case 1: "\(key) \(values[0]) "
    default: "\(key) { \(values.joined(separator: ", ")) } "
    }
  }

  private static func word(_ family: RedirectFamily) -> String { family.isIPv4 ? "ip" : "ip6" }
}

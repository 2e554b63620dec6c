import Inventory

/// A router's redirect of one address family as chains of iptables, in the form of iptables-save.
struct IptablesText {
  /// A chain of ours and the built-in one that jumps to it.
  struct Chain: Hashable {
    let table: String
    let builtin: String
    let name: String
    /// Without `-A NAME `.
    let rules: [String]

    /// What stands first in the built-in chain.
    var jump: String { "\(IptablesText.mark) -j \(name)" }
  }

  /// Every rule of ours has it, so that a chain of the same name that is somebody else's is told.
  static let mark = "-m comment --comment nameplate"

  let router: RouterRedirect
  let family: RedirectFamily
  let isLegacy: Bool

  var saveTool: String { IptablesText.tool("save", isIPv4: family.isIPv4, isLegacy: isLegacy) }

  /// `iptables-nft-save`, `ip6tables-legacy-restore`…
  static func tool(_ end: String, isIPv4: Bool, isLegacy: Bool) -> String {
    (isIPv4 ? "iptables" : "ip6tables") + (isLegacy ? "-legacy-" : "-nft-") + end
  }

  /// Where guests are refused first, and where packets are translated last.
  var chains: [Chain] {
    let prefix = router.chainPrefix
    return [
      ("filter", "INPUT", accepted(replies: false)),
      ("filter", "FORWARD", accepted(replies: true) + refused),
      ("nat", "PREROUTING", translation), ("nat", "POSTROUTING", exemption),
    ].map { Chain(table: $0, builtin: $1, name: "\(prefix)-\($1)", rules: $2) }
      .filter { !$0.rules.isEmpty }
  }

  /// Tables in the order in which they are installed; each is a transaction of its own.
  static let tables = ["filter", "nat"]

  /// The chains are emptied and filled, and their jumps stand first. What is there of them before
  /// is in `save`.
  func install(over save: IptablesSave) -> RedirectStep {
    let texts = IptablesText.tables.compactMap { table -> String? in
      let own = chains.filter { $0.table == table }
      if own.isEmpty { return nil }
      var lines = ["*\(table)"]
      lines += own.map { ":\($0.name) - [0:0]" }
      lines += save.jumps(to: Set(own.map(\.name)), in: table).map { "-D \($0.chain) \($0.text)" }
      for chain in own { lines += chain.rules.map { "-A \(chain.name) \($0)" } }
      lines += own.map { "-I \($0.builtin) 1 \($0.jump)" }
      return (lines + ["COMMIT", ""]).joined(separator: "\n")
    }
    return IptablesText.restore(
      texts.joined(), isIPv4: family.isIPv4, isLegacy: isLegacy)
  }

  static func names(_ prefix: String) -> [String] {
    ["PREROUTING", "POSTROUTING", "INPUT", "FORWARD"].map { "\(prefix)-\($0)" }
  }

  static func restore(_ text: String, isIPv4: Bool, isLegacy: Bool) -> RedirectStep {
    RedirectStep(
      tool: tool("restore", isIPv4: isIPv4, isLegacy: isLegacy),
      arguments: ["--noflush", "--wait"], input: text)
  }
}

extension IptablesText {
  private var translation: [String] {
    guard let host = family.host else { return [] }
    let target = family.isIPv4 ? "\(host)" : "[\(host)]"
    return from.map {
      "\($0)-d \(metadata) -p tcp -m tcp --dport \(MetadataAddress.port) \(IptablesText.mark) "
        + "-j DNAT --to-destination \(target):\(router.metadataPort)"
    }
  }

  private func accepted(replies: Bool) -> [String] {
    guard let host = family.host else { return [] }
    let (port, mark) = (router.metadataPort, IptablesText.mark)
    let block = one(host)
    var rules = ["-d \(block) -p tcp -m tcp --dport \(port) \(translated) \(mark) -j ACCEPT"]
    if replies {
      rules.append("-s \(block) -p tcp -m tcp --sport \(port) \(translated) \(mark) -j ACCEPT")
    }
    return rules
  }

  /// Whatever is still addressed to the metadata address would reach somebody else's service.
  private var refused: [String] {
    let icmp = family.isIPv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable"
    return from.flatMap {
      [
        "\($0)-d \(metadata) -p tcp \(IptablesText.mark) -j REJECT --reject-with tcp-reset",
        "\($0)-d \(metadata) \(IptablesText.mark) -j REJECT --reject-with \(icmp)",
      ]
    }
  }

  /// nova's "accept metadata ip so packets aren't snatted" (Launchpad 968453), narrowed to what was
  /// addressed to the metadata address at first.
  private var exemption: [String] {
    guard let host = family.host else { return [] }
    return [
      "-d \(one(host)) -p tcp -m tcp --dport \(router.metadataPort) \(translated) "
        + "\(IptablesText.mark) -j ACCEPT"
    ]
  }

  private var translated: String {
    "-m conntrack --ctstate DNAT --ctorigdst \(family.metadataAddress) "
      + "--ctorigdstport \(MetadataAddress.port)"
  }

  private var metadata: String { family.metadataAddress + (family.isIPv4 ? "/32" : "/128") }

  private func one(_ address: IPAddress) -> String { "\(address)/\(address.bitWidth)" }

  /// Each pair of a source and a device, as a rule's beginning.
  private var from: [String] {
    let sources = family.guests.isEmpty ? [""] : family.guests.map { "-s \($0) " }
    let devices = router.devices.isEmpty ? [""] : router.devices.map { "-i \($0) " }
    return sources.flatMap { source in devices.map { "\(source)\($0)" } }
  }
}

import HostProcess

/// A table of nftables: its name and its chains.
struct NftablesTable: Hashable {
  let family: String
  let name: String
  var chains: [String] = []
  /// Those that hang on a hook.
  var baseChains: [String] = []

  /// Whether it looks as iptables-nft makes its tables. It calls its base chains by capitals, and
  /// nft's own users rarely do.
  var isIptables: Bool {
    (family == "ip" || family == "ip6")
      && ["filter", "nat", "mangle", "raw", "security"].contains(name)
      && !baseChains.isEmpty && baseChains.allSatisfy { IptablesText.builtins.contains($0) }
  }

  /// ebtables-nft's and arptables-nft's tables say nothing about who routes.
  var isNative: Bool {
    !isIptables && !["bridge", "arp"].contains(family)
      && "\(family) \(name)" != NftablesText.table
  }

  /// Reads `nft list chains`.
  static func read(_ listing: String) -> [NftablesTable] {
    var tables: [NftablesTable] = []
    for line in listing.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
      if words.count >= 4, words[0] == "table" {
        tables.append(NftablesTable(family: words[1], name: words[2]))
      } else if let last = tables.indices.last, words.count >= 3, words[0] == "chain" {
        tables[last].chains.append(words[1])
      } else if let last = tables.indices.last, words.count >= 4, words[0] == "type",
        words[2] == "hook", let chain = tables[last].chains.last
      {
        tables[last].baseChains.append(chain)
      }
    }
    return tables
  }
}

extension IptablesText {
  static let builtins: Set<String> = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
}

/// What the host's packet filter is written with, looked at without making any table.
///
/// `iptables -L` of either variant, and older `iptables-nft-save`, make the tables that they list;
/// `nft list` and /proc/net/ip_tables_names do not.
struct RedirectSurvey: Hashable {
  /// Nil where nft cannot be used.
  var nftables: [NftablesTable]?
  /// Whether iptables-legacy has any rule, chain or policy.
  var hasLegacyRules = false
  /// Which of iptables' variants can be started.
  var iptables: Set<RedirectPlan.Backend> = []
  /// Where something of ours is.
  var installed: Set<RedirectPlan.Backend> = []
  /// Whether ip6tables can have rules here.
  var hasIPv6 = false

  static func take(
    _ tools: HostTools, prefixes: Set<String>
  ) async throws(RedirectError) -> RedirectSurvey {
    var survey = RedirectSurvey()
    let own = Set(prefixes.flatMap(IptablesText.names))
    survey.nftables = try await tools.outputIfAny("nft", ["list", "chains"]).map(NftablesTable.read)
    survey.hasIPv6 = try await tools.outputIfAny("cat", ["/proc/net/if_inet6"]) != nil
    for (backend, tool) in [
      (RedirectPlan.Backend.iptablesNft, "iptables-nft"), (.iptablesLegacy, "iptables-legacy"),
    ] {
      if try await tools.outputIfAny(tool, ["-V"]) != nil { survey.iptables.insert(backend) }
    }
    for table in survey.nftables ?? [] {
      if "\(table.family) \(table.name)" == NftablesText.table {
        survey.installed.insert(.nftables)
      } else if table.family == "ip" || table.family == "ip6", !own.isDisjoint(with: table.chains) {
        survey.installed.insert(.iptablesNft)
      }
    }
    for (names, save) in [
      ("/proc/net/ip_tables_names", "iptables-legacy-save"),
      ("/proc/net/ip6_tables_names", "ip6tables-legacy-save"),
    ] {
      guard try await tools.outputIfAny("cat", [names])?.isEmpty == false,
        let output = try await tools.outputIfAny(save)
      else { continue }
      for table in IptablesSave(output).tables.values {
        if !own.isDisjoint(with: table.chains) { survey.installed.insert(.iptablesLegacy) }
        if !table.isEmpty { survey.hasLegacyRules = true }
      }
    }
    if survey.nftables == nil, survey.iptables.contains(.iptablesNft),
      let output = try await tools.outputIfAny("iptables-nft-save"),
      IptablesSave(output).tables.values.contains(where: { !own.isDisjoint(with: $0.chains) })
    {
      survey.installed.insert(.iptablesNft)
    }
    return survey
  }

  struct Choice: Hashable {
    let backend: RedirectPlan.Backend
    let why: String
  }

  /// - Throws: ``RedirectError/noBackend(_:)``.
  func choose(_ wanted: RedirectPlan.Backend) throws(RedirectError) -> Choice {
    if wanted != .auto { return Choice(backend: wanted, why: "it is configured") }
    for backend in RedirectPlan.Backend.allCases where installed.contains(backend) {
      return Choice(backend: backend, why: "the redirect is installed with it already")
    }
    let hasIptables = nftables?.contains { $0.isIptables } ?? false
    let hasNative = nftables?.contains { $0.isNative } ?? false
    let hasNft = nftables != nil
    switch (hasLegacyRules, hasIptables, hasNative) {
    case (true, false, false) where iptables.contains(.iptablesLegacy):
      return Choice(backend: .iptablesLegacy, why: "the host has rules of iptables-legacy only")
    case (false, true, false) where iptables.contains(.iptablesNft):
      return Choice(backend: .iptablesNft, why: "the host has tables of iptables-nft only")
    case (false, false, false) where hasNft:
      return Choice(backend: .nftables, why: "the host has no rules and nft is there")
    case (false, false, true) where hasNft:
      return Choice(backend: .nftables, why: "the host has tables of nftables")
    case _ where hasNft:
      return Choice(
        backend: .nftables,
        why: "the host has rules of more than one kind, and only nftables' exemption from source "
          + "NAT binds all of them")
    case _ where iptables.contains(.iptablesNft):
      return Choice(backend: .iptablesNft, why: "nft cannot be used and iptables-nft is there")
    case _ where iptables.contains(.iptablesLegacy):
      return Choice(backend: .iptablesLegacy, why: "iptables-legacy alone is there")
    default: throw .noBackend("install nftables, and run as root (CAP_NET_ADMIN)")
    }
  }
}

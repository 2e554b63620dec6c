import HostProcess

/// The tables and base chains that iptables-nft makes and never takes away.
enum IptablesEmptyTables {
  /// Those that our chains need and that are not there.
  static func absent(from tables: [NftablesTable]) -> [String] {
    var absent: [String] = []
    for family in ["ip", "ip6"] {
      for (name, builtins) in [
        ("filter", ["INPUT", "FORWARD"]), ("nat", ["PREROUTING", "POSTROUTING"]),
      ] {
        let table = tables.first { $0.family == family && $0.name == name }
        if table == nil { absent.append("\(family) \(name)") }
        absent += builtins.filter { table?.baseChains.contains($0) != true }
          .map { "\(family) \(name) \($0)" }
      }
    }
    return absent
  }

  /// Deletes what was not there before, where nothing has come into it since. The kernel refuses to
  /// delete a chain with rules, so a rule that comes meanwhile stays.
  static func remove(_ absent: [String], tools: HostTools) async throws(RedirectError) {
    for family in ["ip", "ip6"] {
      for name in ["filter", "nat"] {
        let table = "\(family) \(name)"
        guard absent.contains(where: { $0.hasPrefix(table) }),
          let listing = try await tools.outputIfAny("nft", ["list", "table", family, name])
        else { continue }
        let empty = emptyBaseChains(listing)
        var lines = empty.filter { absent.contains("\(table) \($0)") }
          .map { "delete chain \(table) \($0)" }
        if absent.contains(table), NftablesListing(listing).chains.keys.count == lines.count {
          lines.append("delete table \(table)")
        }
        let input = lines.map { $0 + "\n" }.joined()
        // Somebody else may need them by now.
        if !lines.isEmpty { _ = try? await tools.run("nft", ["-f", "-"], input: input) }
      }
    }
  }

  /// Chains on a hook that hold nothing and let everything pass.
  private static func emptyBaseChains(_ listing: String) -> [String] {
    NftablesListing(listing).chains.filter { name, lines in
      !name.isEmpty && lines.count == 1 && lines[0].hasPrefix("type ")
        && lines[0].hasSuffix("policy accept;")
    }
    .keys.sorted()
  }
}

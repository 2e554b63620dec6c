import HostProcess
import Inventory

extension FirewallRuleset {
  /// Reads what every packet filter of the host has for one family, without making any table:
  /// `iptables -L` and old `iptables-save` would.
  static func gather(_ tools: HostTools, isIPv4: Bool) async -> FirewallRuleset {
    var ruleset = FirewallRuleset()
    await ruleset.gatherNft(tools, isIPv4: isIPv4)
    await ruleset.gatherLegacy(tools, isIPv4: isIPv4)
    return ruleset
  }

  private mutating func gatherNft(_ tools: HostTools, isIPv4: Bool) async {
    do {
      let json = try await tools.run("nft", ["-j", "list", "ruleset"])
      let listing = try await tools.run("nft", ["-a", "list", "ruleset"])
      self = try FirewallRuleset(nftJSON: json, listing: listing, isIPv4: isIPv4)
    } catch let error as HostToolError where error.isMissingTool || error.saysMissing {
      // A host without nft can still have rules of iptables-nft.
      await gatherIptablesNft(tools, isIPv4: isIPv4, isNeeded: false)
      return
    } catch {
      problems.append("\(error)")
      return
    }
    if chains.contains(where: NftListing.isIptables) {
      await gatherIptablesNft(tools, isIPv4: isIPv4, isNeeded: true)
    }
  }

  private mutating func gatherIptablesNft(
    _ tools: HostTools, isIPv4: Bool, isNeeded: Bool
  ) async {
    do {
      let save = try await tools.run(isIPv4 ? "iptables-nft-save" : "ip6tables-nft-save")
      replaceIptables(save: save, isIPv4: isIPv4)
    } catch {
      if isNeeded { problems.append("\(error)") }
    }
  }

  private mutating func gatherLegacy(_ tools: HostTools, isIPv4: Bool) async {
    let names = isIPv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names"
    guard let tables = try? await tools.run("cat", [names]), !tables.isEmpty else { return }
    do {
      let save = try await tools.run(isIPv4 ? "iptables-legacy-save" : "ip6tables-legacy-save")
      chains +=
        FirewallRuleset(
          iptablesSave: save, backend: .iptablesLegacy, isIPv4: isIPv4
        ).chains
    } catch {
      problems.append("\(error)")
    }
  }
}

extension HostToolError {
  /// `ip netns exec` says itself that a tool is not there.
  var saysMissing: Bool {
    if case .failed(255, let message) = reason { message.contains("exec of") } else { false }
  }
}

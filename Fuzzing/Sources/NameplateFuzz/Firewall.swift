import Inventory

@testable import HostNetwork

/// Any listing is read, what is not understood is left out or said to be so, and a packet's way
/// through what was read ends.
func fuzzFirewall(_ input: [UInt8]) {
  let text = String(decoding: input, as: UTF8.self)
  for isIPv4 in [true, false] {
    if input.first == UInt8(ascii: "{") {
      // JSON, and perhaps the same as text in the lines below.
      let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      let listing = parts.count > 1 ? String(parts[1]) : ""
      guard
        var ruleset = try? FirewallRuleset(
          nftJSON: String(parts[0]), listing: listing, isIPv4: isIPv4)
      else { continue }
      walk(ruleset)
      ruleset.replaceIptables(save: listing, isIPv4: isIPv4)
      walk(ruleset)
    } else {
      walk(FirewallRuleset(iptablesSave: text, backend: .iptablesNft, isIPv4: isIPv4))
    }
  }
}

private func walk(_ ruleset: FirewallRuleset) {
  let packet = FirewallPacket(
    source: CIDR("10.20.0.5/32"), destination: .v4(0x0A1E_0002), destinationPort: 8775,
    inInterface: "in0", outInterface: "mg0", isTranslated: true,
    originalDestination: .v4(0xA9FE_A9FE), originalDestinationPort: 80, destinationIsLocal: false)
  for chain in ruleset.chains where chain.base != nil {
    for hit in ruleset.walk(packet, in: chain) {
      expect(hit.rule != nil || hit.verdict == .drop, "a policy that is no drop")
    }
  }
}

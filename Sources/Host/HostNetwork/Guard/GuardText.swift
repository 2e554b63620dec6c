import Inventory

/// A port's rules as one table of nftables, on the device itself (netdev, ingress): there every frame
/// of the guest's passes, whatever takes it afterwards (a bridge, Open vSwitch, this host's router),
/// and no other port's does. The bridge family would see frames of Linux bridges alone.
///
/// Only what is known to be good is accepted, so that what cannot be read (a header beyond the first
/// fragment's end, a second VLAN tag) is dropped.
enum GuardText {
  static func install(_ port: PortGuard) -> RedirectStep {
    NftablesText.step(
      """
      table \(port.table) {
      }
      delete table \(port.table)

      """ + definition(port))
  }

  static func remove(_ device: String) -> RedirectStep {
    NftablesText.step("delete table \(PortGuard.table(device))\n")
  }

  static func definition(_ port: PortGuard) -> String {
    let chains = [
      (
        "ingress",
        [
          "type filter hook ingress device \"\(port.device)\" priority filter; policy drop;",
          "ether saddr != \(port.mac) \(drop("source MAC"))",
          "meta protocol vmap { ip : goto ipv4_packets, arp : goto arp_frames, "
            + "ip6 : goto ipv6_packets }",
          drop("other protocol"),
        ]
      ),
      ("arp_frames", arp(port)), ("ipv4_packets", ipv4(port)), ("ipv6_packets", ipv6(port)),
    ]
    let texts = chains.map { name, rules in
      "\tchain \(name) {\n" + rules.map { "\t\t\($0)\n" }.joined() + "\t}\n"
    }
    return "table \(port.table) {\n" + texts.joined(separator: "\n") + "}\n"
  }

  private static func drop(_ reason: String) -> String { "counter drop comment \"\(reason)\"" }

  private static func arp(_ port: PortGuard) -> [String] {
    // Who looks whether an address is free has none yet (RFC 5227).
    let own = ["0.0.0.0"] + port.addresses.filter(\.isIPv4).map(\.description)
    return [
      "arp saddr ip \(MetadataAddress.ipv4.rawValue) \(drop("metadata address"))",
      "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation { request, reply } "
        + "arp saddr ether \(port.mac) arp saddr ip \(set(own)) accept",
      drop("ARP sender"),
    ]
  }

  private static func ipv4(_ port: PortGuard) -> [String] {
    let own = port.addresses.filter(\.isIPv4).map(\.description)
    var rules = [
      "ip saddr \(MetadataAddress.ipv4.rawValue) \(drop("metadata address"))",
      "udp sport 67 \(drop("DHCP server"))",
      "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
    ]
    if !own.isEmpty { rules.append("ip saddr \(set(own)) accept") }
    return rules + [drop("IPv4 source")]
  }

  private static func ipv6(_ port: PortGuard) -> [String] {
    let own = port.addresses.filter { !$0.isIPv4 }
    let source = "ip6 saddr \(set(own.map(\.description)))"
    // The target stands behind type, code, checksum and flags: eight bytes into the message.
    let target = "@th,64,128 \(set(own.map(hexadecimal)))"
    let metadata = MetadataAddress.allCases.filter { $0 != .ipv4 }
    let metadataTarget = metadata.compactMap { IPAddress($0.rawValue) }.map(hexadecimal)
    return [
      "ip6 saddr \(set(metadata.map(\.rawValue))) \(drop("metadata address"))",
      "icmpv6 type nd-neighbor-advert @th,64,128 \(set(metadataTarget)) "
        + drop("metadata address"),
      "icmpv6 type nd-neighbor-advert \(target) \(source) accept",
      "icmpv6 type nd-neighbor-advert \(drop("neighbour advertisement"))",
      "icmpv6 type { nd-router-advert, nd-redirect } \(drop("router"))",
      "udp sport 547 \(drop("DHCP server"))",
      "ip6 saddr :: icmpv6 type nd-neighbor-solicit \(target) accept",
      "ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept",
      // What follows a first fragment is of no use to whoever did not get that.
      "\(source) frag frag-off != 0 accept",
      "\(source) meta l4proto icmpv6 icmpv6 type != { nd-router-advert, nd-redirect } accept",
      "\(source) meta l4proto udp udp sport != 547 accept",
      "\(source) meta l4proto != { icmpv6, udp } accept",
      drop("IPv6 source"),
    ]
  }

  private static func hexadecimal(_ address: IPAddress) -> String {
    "0x"
      + address.networkBytes.map { byte in
        let digits = String(byte, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
      }.joined()
  }

  private static func set(_ values: [String]) -> String {
    values.count == 1 ? values[0] : "{ \(values.joined(separator: ", ")) }"
  }
}

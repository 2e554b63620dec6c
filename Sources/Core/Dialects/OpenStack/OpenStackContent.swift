import Inventory

/// `openstack/content/`: over HTTP only the text of the injected network configuration.
enum OpenStackContent {
  /// The content id that the text has, where there is one.
  static let networkConfigID = "0000"

  /// Debian's `interfaces` text: the declared one, or Nova's template filled in for the networks
  /// that are `injected`; nil where no interface is on one.
  static func networkConfig(_ input: RenderInput) -> String? {
    if let declared = input.view.instance.injectedNetworkConfig { return declared }
    var number = 0
    var blocks: [String] = []
    for (interface, network) in zip(input.view.instance.interfaces, input.view.networks)
    where !network.subnets.isEmpty {
      defer { number += 1 }
      guard network.injected, let mac = interface.mac else { continue }
      if let block = block("eth\(number)", interface, network, mac) { blocks.append(block) }
    }
    return blocks.isEmpty ? nil : header + blocks.joined()
  }

  private static let header = """
    # Injected by Nova on instance boot
    #
    # This file describes the network interfaces available on your system
    # and how to activate them. For more information, see interfaces(5).

    # The loopback network interface
    auto lo
    iface lo inet loopback

    """

  private static func block(
    _ name: String, _ interface: NetworkInterface, _ network: Network, _ mac: MACAddress
  ) -> String? {
    let addresses = interface.addresses.map(\.ip)
    let stanzas = [true, false].compactMap { isIPv4 -> String? in
      guard let subnet = network.subnet(isIPv4: isIPv4, holding: addresses), !subnet.dhcp,
        let address = addresses.first(where: subnet.cidr.contains)
      else { return nil }
      return stanza(name, subnet, address, mac)
    }
    return stanzas.isEmpty ? nil : "\nauto \(name)\n" + stanzas.joined()
  }

  private static func stanza(
    _ name: String, _ subnet: Subnet, _ address: IPAddress, _ mac: MACAddress
  ) -> String {
    var lines = [
      "iface \(name) \(address.isIPv4 ? "inet" : "inet6") static",
      "    hwaddress ether \(mac)",
      "    address \(address)",
    ]
    if address.isIPv4 {
      lines.append("    netmask \(subnet.cidr.netmask)")
      lines.append("    broadcast \(subnet.cidr.broadcast)")
    } else {
      lines.append("    netmask \(subnet.cidr.prefixLength)")
    }
    if let gateway = subnet.gateway { lines.append("    gateway \(gateway)") }
    if !subnet.dns.isEmpty {
      let servers = subnet.dns.map(\.description).joined(separator: " ")
      lines.append("    dns-nameservers \(servers)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

import Inventory

/// openstack/content/0000: static addresses as Debian's /etc/network/interfaces, for networks that
/// are declared as injected (recorded from Nova 34's template, blank lines and all).
enum InterfacesTemplate {
  /// The name under /openstack/content.
  static let contentID = "0000"

  /// The declared text, else the rendered one; nil where there is nothing to say.
  static func text(for view: InstanceView) -> String? {
    if let declared = view.instance.injectedNetworkConfig {
      return declared.isEmpty ? nil : declared.string
    }
    let stanzas = stanzas(for: view)
    return stanzas.isEmpty ? nil : (head + stanzas).joined(separator: "\n") + "\n"
  }

  /// Whether there is a text, without rendering it.
  static func exists(for view: InstanceView) -> Bool {
    guard view.instance.injectedNetworkConfig == nil else { return text(for: view) != nil }
    return view.hasInjectedNetwork && !stanzas(for: view).isEmpty
  }

  private static let head = [
    "# Injected by Nova on instance boot",
    "#",
    "# This file describes the network interfaces available on your system",
    "# and how to activate them. For more information, see interfaces(5).",
    "",
    "# The loopback network interface",
    "auto lo",
    "iface lo inet loopback",
  ]

  /// The lines after the head. Interfaces are numbered over all whose network has subnets, injected
  /// or not, as the guest's kernel numbers them.
  private static func stanzas(for view: InstanceView) -> [String] {
    view.connections.lazy
      .filter { !$0.1.subnets.isEmpty }.enumerated()
      .filter { $0.element.1.injected }
      .flatMap { lines(for: $0.element.0, on: $0.element.1, name: "eth\($0.offset)") }
  }

  /// An interface with a subnet that has DHCP is left to DHCP altogether, as Nova does.
  private static func lines(for interface: NetworkInterface, on network: Network, name: String)
    -> [String]
  {
    let v4 = AddressedSubnet(of: interface, on: network, isIPv4: true)
    let v6 = AddressedSubnet(of: interface, on: network, isIPv4: false)
    guard v4 != nil || v6 != nil, v4?.subnet.dhcp != true, v6?.subnet.dhcp != true else {
      return []
    }
    let hardware = interface.mac.map { "    hwaddress ether \($0)" }
    var lines = ["", "auto \(name)"]
    if let v4 { lines += ["iface \(name) inet static"] + settings(v4, hardware) }
    if let v6 { lines += ["iface \(name) inet6 static"] + settings(v6, hardware) }
    return lines
  }

  private static func settings(_ own: AddressedSubnet, _ hardware: String?) -> [String] {
    let subnet = own.subnet
    let block = subnet.cidr
    var lines = hardware.map { [$0] } ?? []
    lines.append("    address \(own.address)")
    if own.address.isIPv4 {
      lines.append("    netmask \(block.netmask)")
      lines.append("    broadcast \(block.broadcast)")
    } else {
      lines.append("    netmask \(block.prefixLength)")
    }
    if let gateway = subnet.gateway { lines.append("    gateway \(gateway)") }
    if !subnet.dns.isEmpty {
      let servers = subnet.dns.map(\.description).joined(separator: " ")
      lines.append("    dns-nameservers \(servers)")
    }
    return lines
  }
}

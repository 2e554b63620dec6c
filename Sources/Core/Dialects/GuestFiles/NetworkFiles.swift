public import Inventory
import OrderedCollections

/// An instance's network as files of a guest, for what configures it there. Nil or empty where the
/// record has nothing to say.
public enum NetworkFiles {
  static let head = "# Written by nameplate inject from the instance's record."

  // MARK: ifupdown

  /// /etc/network/interfaces: the text that Nova would inject, where the record has one
  /// (openstack/content/0000), else one that covers every interface.
  public static func interfaces(for view: InstanceView) -> String? {
    if let text = InterfacesTemplate.text(for: view) { return text }
    let links = GuestLink.links(of: view)
    guard !links.isEmpty else { return nil }
    let lines = [head, "auto lo", "iface lo inet loopback"] + links.flatMap(stanzas)
    return lines.joined(separator: "\n") + "\n"
  }

  /// The card is found by its MAC, whatever the kernel calls it.
  private static func stanzas(_ link: GuestLink) -> [String] {
    let name = "eth\(link.number)"
    var lines = ["", link.mac.map { "auto mac/\($0)=\(name)" } ?? "auto \(name)"]
    switch link.v4 {
    case .none, .announced: break
    case .dhcp: lines.append("iface \(name) inet dhcp")
    case .fixed(let own):
      lines += ["iface \(name) inet static"] + settings(own, mtu: link.mtu)
    }
    switch link.v6 {
    case .none: break
    case .announced: lines.append("iface \(name) inet6 auto")
    case .dhcp: lines.append("iface \(name) inet6 dhcp")
    case .fixed(let own):
      lines += ["iface \(name) inet6 static"] + settings(own, mtu: link.mtu)
    }
    return lines
  }

  private static func settings(_ own: AddressedSubnet, mtu: Int?) -> [String] {
    let subnet = own.subnet
    var lines = ["    address \(own.address)/\(subnet.cidr.prefixLength)"]
    if let gateway = subnet.gateway { lines.append("    gateway \(gateway)") }
    if let mtu { lines.append("    mtu \(mtu)") }
    for route in subnet.routes {
      lines.append("    up ip route add \(route.destination) via \(route.gateway) dev $IFACE")
    }
    if !subnet.dns.isEmpty {
      let servers = subnet.dns.map(\.description).joined(separator: " ")
      lines.append("    dns-nameservers \(servers)")
    }
    return lines
  }

  // MARK: netplan

  /// A file for /etc/netplan, which has NoCloud's form of the network. Cards without a MAC are left
  /// out.
  public static func netplan(for view: InstanceView) -> String? {
    guard let value = NetworkConfigDocument(view: view).value else { return nil }
    let document: JSONValue = ["network": value]
    return head + "\n" + document.yaml
  }

  // MARK: systemd-networkd

  /// Files for /etc/systemd/network, one a card; cards without a MAC are left out.
  public static func networkd(for view: InstanceView) -> [String] {
    GuestLink.links(of: view).compactMap { link in
      guard let mac = link.mac else { return nil }
      var lines = [head, "[Match]", "MACAddress=\(mac)"]
      if let mtu = link.mtu { lines += ["", "[Link]", "MTUBytes=\(mtu)"] }
      lines += ["", "[Network]", "DHCP=\(networkdDHCP(link))"]
      if case .announced = link.v6 {
        lines.append("IPv6AcceptRA=yes")
      } else if !link.v6.isDHCP {
        lines.append("IPv6AcceptRA=no")
      }
      let fixed = [link.v4, link.v6].compactMap(\.fixed)
      lines += fixed.map { "Address=\($0.address)/\($0.subnet.cidr.prefixLength)" }
      lines += link.nameServers.map { "DNS=\($0)" }
      for route in fixed.flatMap({ routes(of: $0.subnet) }) {
        lines += ["", "[Route]", "Destination=\(route.to)", "Gateway=\(route.via)"]
      }
      return lines.joined(separator: "\n") + "\n"
    }
  }

  /// The default route, then the declared ones.
  private static func routes(of subnet: Subnet) -> [(to: String, via: IPAddress)] {
    let everywhere = subnet.cidr.network.isIPv4 ? "0.0.0.0/0" : "::/0"
    let main = subnet.gateway.map { [(to: everywhere, via: $0)] } ?? []
    return main + subnet.routes.map { (to: $0.destination.description, via: $0.gateway) }
  }

  private static func networkdDHCP(_ link: GuestLink) -> String {
    switch (link.v4.isDHCP, link.v6.isDHCP) {
    case (true, true): "yes"
    case (true, false): "ipv4"
    case (false, true): "ipv6"
    case (false, false): "no"
    }
  }
}

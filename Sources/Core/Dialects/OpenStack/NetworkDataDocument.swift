import Inventory
import OrderedCollections

/// OpenStack's network_data.json.
///
/// One link an interface, and for it a network each for the first IPv4 and the first IPv6 subnet
/// that the interface has an address in (measured on Nova 34).
struct NetworkDataDocument {
  let view: InstanceView

  var value: JSONValue {
    var links: [JSONValue] = []
    var networks: [JSONValue] = []
    var services: [JSONValue] = []
    for (interface, network) in view.connections where !network.subnets.isEmpty {
      // A guest finds its card by the MAC; cloud-init fails on a link that has none.
      guard let mac = interface.mac else { continue }
      let link = NetworkDataDocument.linkID(of: interface, number: links.count)
      links.append(NetworkDataDocument.link(link, mac, of: interface, on: network))
      for isIPv4 in [true, false] {
        guard let own = AddressedSubnet(of: interface, on: network, isIPv4: isIPv4) else {
          continue
        }
        networks.append(
          NetworkDataDocument.network(
            own, id: "network\(networks.count)", link: link, network: network.id))
        for service in NetworkDataDocument.services(of: own.subnet)
        where !services.contains(service) {
          services.append(service)
        }
      }
    }
    return [
      "links": .array(links), "networks": .array(networks), "services": .array(services),
    ]
  }

  // MARK: Links

  /// The interface kinds that Nova names in the document; others are physical to the guest.
  private static let linkTypes: Set = [
    "bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif",
  ]

  /// The host's device, which for OVS and bridges is `tap` and what of the port's id fits in the
  /// 14 characters of a device's name.
  private static func linkID(of interface: NetworkInterface, number: Int) -> String {
    interface.device ?? interface.id.map { "tap\($0.prefix(11))" } ?? "interface\(number)"
  }

  private static func link(
    _ id: String, _ mac: MACAddress, of interface: NetworkInterface, on network: Network
  ) -> JSONValue {
    let type = network.vifType.flatMap { linkTypes.contains($0) ? $0 : nil } ?? "phy"
    return [
      "id": .string(id), "vif_id": JSONValue(interface.id), "type": .string(type),
      "mtu": mtu(of: network).map { JSONValue($0) } ?? .null,
      "ethernet_mac_address": .string(mac.description),
    ]
  }

  /// The MTU that a guest must be told; a DHCP server tells it itself.
  static func mtu(of network: Network) -> Int? {
    network.subnets.contains { $0.dhcp && $0.dhcpServer != nil } ? nil : network.mtu
  }

  // MARK: Networks

  private static func network(
    _ own: AddressedSubnet, id: String, link: String, network: NetworkID
  ) -> JSONValue {
    let subnet = own.subnet
    let family = subnet.cidr.network.isIPv4 ? "ipv4" : "ipv6"
    if subnet.dhcp && subnet.ipv6AddressMode == nil {
      return [
        "id": .string(id), "type": .string("\(family)_dhcp"), "link": .string(link),
        "network_id": .string(network.text),
      ]
    }
    let type = subnet.ipv6AddressMode.map { "\(family)_\($0.rawValue)" } ?? family
    return [
      "id": .string(id), "type": .string(type), "link": .string(link),
      "ip_address": .string(own.address.description),
      "netmask": .string(subnet.cidr.netmask.description),
      "routes": .array(routes(of: subnet)),
      "network_id": .string(network.text),
      "services": .array(services(of: subnet)),
    ]
  }

  /// The default route, then the declared ones in their order.
  private static func routes(of subnet: Subnet) -> [JSONValue] {
    let everywhere = subnet.cidr.network.isIPv4 ? "0.0.0.0" : "::"
    var routes: [JSONValue] = []
    if let gateway = subnet.gateway {
      routes.append([
        "network": .string(everywhere), "netmask": .string(everywhere),
        "gateway": .string(gateway.description),
      ])
    }
    routes += subnet.routes.map { route in
      [
        "network": .string(route.destination.network.description),
        "netmask": .string(route.destination.netmask.description),
        "gateway": .string(route.gateway.description),
      ]
    }
    return routes
  }

  private static func services(of subnet: Subnet) -> [JSONValue] {
    subnet.dns.map { ["type": "dns", "address": .string($0.description)] }
  }
}

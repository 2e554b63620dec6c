import Inventory
import OrderedCollections

/// network_data.json: links, the networks on them, and the name servers.
enum NetworkDataDocument {
  /// The kinds of links that Nova shows by name; every other is `phy`.
  private static let shownTypes: Set<String> = [
    "bridge", "dvs", "hw_veb", "hyperv", "ovs", "tap", "vhostuser", "vif",
  ]

  static func render(_ view: InstanceView) -> JSONValue {
    var links: [JSONValue] = []
    var networks: [JSONValue] = []
    var services: OrderedSet<JSONValue> = []
    for (interface, network) in zip(view.instance.interfaces, view.networks) {
      // A link that no card can be found for makes cloud-init give up on the whole document.
      guard !network.subnets.isEmpty, let mac = interface.mac else { continue }
      let linkID = linkID(interface, index: links.count)
      links.append(link(interface, network, mac, id: linkID))
      for isIPv4 in [true, false] {
        let addresses = interface.addresses.map(\.ip)
        guard let subnet = network.subnet(isIPv4: isIPv4, holding: addresses),
          let address = addresses.first(where: subnet.cidr.contains)
        else { continue }
        let place = Place(
          id: "network\(networks.count)", link: linkID, network: network.id.text)
        networks.append(entry(subnet, address, place))
        services.append(contentsOf: dns(subnet))
      }
    }
    return [
      "links": .array(links), "networks": .array(networks), "services": .array(services.elements),
    ]
  }

  private static func linkID(_ interface: NetworkInterface, index: Int) -> String {
    interface.device ?? interface.id.map { "tap\($0.prefix(11))" } ?? "interface\(index)"
  }

  private static func link(
    _ interface: NetworkInterface, _ network: Network, _ mac: MACAddress, id: String
  ) -> JSONValue {
    // Where a DHCP server is at hand, it says the MTU.
    let dhcpSaysMTU = network.subnets.contains { $0.dhcp && $0.dhcpServer != nil }
    let type = network.vifType.flatMap { shownTypes.contains($0) ? $0 : nil } ?? "phy"
    return [
      "id": .string(id), "vif_id": JSONValue(interface.id ?? id), "type": .string(type),
      "mtu": dhcpSaysMTU ? .null : network.mtu.map { JSONValue($0) } ?? .null,
      "ethernet_mac_address": .string(mac.description),
    ]
  }

  private struct Place {
    let id: String
    let link: String
    let network: String
  }

  private static func entry(_ subnet: Subnet, _ address: IPAddress, _ place: Place) -> JSONValue {
    let family = address.isIPv4 ? "ipv4" : "ipv6"
    if subnet.dhcp && subnet.ipv6AddressMode == nil {
      return [
        "id": .string(place.id), "type": .string("\(family)_dhcp"), "link": .string(place.link),
        "network_id": .string(place.network),
      ]
    }
    let type = subnet.ipv6AddressMode.map { "\(family)_\($0.rawValue)" } ?? family
    return [
      "id": .string(place.id), "type": .string(type), "link": .string(place.link),
      "ip_address": .string(address.description),
      "netmask": .string(subnet.cidr.netmask.description),
      "routes": .array(routes(subnet)),
      "network_id": .string(place.network),
      "services": .array(dns(subnet)),
    ]
  }

  private static func routes(_ subnet: Subnet) -> [JSONValue] {
    let zero = subnet.cidr.network.isIPv4 ? "0.0.0.0" : "::"
    let gateway: [JSONValue] =
      subnet.gateway.map {
        [
          [
            "network": .string(zero), "netmask": .string(zero),
            "gateway": .string($0.description),
          ]
        ]
      } ?? []
    return gateway
      + subnet.routes.map {
        [
          "network": .string($0.destination.network.description),
          "netmask": .string($0.destination.netmask.description),
          "gateway": .string($0.gateway.description),
        ]
      }
  }

  private static func dns(_ subnet: Subnet) -> [JSONValue] {
    subnet.dns.map { ["type": "dns", "address": .string($0.description)] }
  }
}

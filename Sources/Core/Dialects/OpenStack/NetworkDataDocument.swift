import Inventory

/// OpenStack's network_data.json.
///
/// One link an interface, and for it a network each for the first IPv4 and the first IPv6 subnet
/// that the interface has an address in (measured on Nova 34).
struct NetworkDataDocument {
  let view: InstanceView

  /// An address of an interface, for which there is an entry in `networks`.
  private struct Entry {
    let subnet: AddressedSubnet
    let link: String
    let network: NetworkID
  }

  var document: Document {
    var entries: [Entry] = []
    return Document { json in
      json.object { json in
        json.put("links", array: { json in putLinks(into: &json, noting: &entries) })
        json.put(
          "networks",
          array: { json in
            for (index, entry) in entries.enumerated() {
              NetworkDataDocument.put(entry, number: index, into: &json)
            }
          })
        var servers: [IPAddress] = []
        for server in entries.flatMap(\.subnet.subnet.dns) where !servers.contains(server) {
          servers.append(server)
        }
        NetworkDataDocument.put(services: servers, into: &json)
      }
    }
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

  private func putLinks(into json: inout JSONWriter, noting entries: inout [Entry]) {
    var count = 0
    for (interface, network) in view.connections where !network.subnets.isEmpty {
      // A guest finds its card by the MAC; cloud-init fails on a link that has none.
      guard let mac = interface.mac else { continue }
      let link = NetworkDataDocument.linkID(of: interface, number: count)
      count += 1
      let type = network.vifType.flatMap {
        NetworkDataDocument.linkTypes.contains($0) ? $0 : nil
      }
      json.object { json in
        json.put("id", link)
        json.put("vif_id", interface.id)
        json.put("type", type ?? "phy")
        json.key("mtu")
        if let mtu = NetworkDataDocument.mtu(of: network) { json.put(mtu) } else { json.putNull() }
        json.put("ethernet_mac_address", mac)
      }
      for isIPv4 in [true, false] {
        if let own = AddressedSubnet(of: interface, on: network, isIPv4: isIPv4) {
          entries.append(Entry(subnet: own, link: link, network: network.id))
        }
      }
    }
  }

  /// The MTU that a guest must be told; a DHCP server tells it itself.
  static func mtu(of network: Network) -> Int? {
    network.subnets.contains { $0.dhcp && $0.dhcpServer != nil } ? nil : network.mtu
  }

  // MARK: Networks

  private static func put(_ entry: Entry, number: Int, into json: inout JSONWriter) {
    let subnet = entry.subnet.subnet
    let family = subnet.cidr.network.isIPv4 ? "ipv4" : "ipv6"
    let isDHCP = subnet.dhcp && subnet.ipv6AddressMode == nil
    json.object { json in
      json.put("id", "network\(number)")
      json.put(
        "type",
        isDHCP
          ? "\(family)_dhcp" : subnet.ipv6AddressMode.map { "\(family)_\($0.rawValue)" } ?? family)
      json.put("link", entry.link)
      guard !isDHCP else { return json.put("network_id", entry.network.text) }
      json.put("ip_address", entry.subnet.address)
      json.put("netmask", subnet.cidr.netmask)
      json.put("routes", array: { json in putRoutes(of: subnet, into: &json) })
      json.put("network_id", entry.network.text)
      put(services: subnet.dns, into: &json)
    }
  }

  /// The default route, then the declared ones in their order.
  private static func putRoutes(of subnet: Subnet, into json: inout JSONWriter) {
    if let gateway = subnet.gateway {
      let everywhere = subnet.cidr.network.isIPv4 ? IPAddress.v4(0) : .v6(0, 0)
      put(route: everywhere, everywhere, gateway, into: &json)
    }
    for route in subnet.routes {
      put(
        route: route.destination.network, route.destination.netmask, route.gateway, into: &json)
    }
  }

  private static func put(
    route network: IPAddress, _ netmask: IPAddress, _ gateway: IPAddress,
    into json: inout JSONWriter
  ) {
    json.object { json in
      json.put("network", network)
      json.put("netmask", netmask)
      json.put("gateway", gateway)
    }
  }

  private static func put(services servers: [IPAddress], into json: inout JSONWriter) {
    json.put(
      "services",
      array: { json in
        for server in servers {
          json.object { json in
            json.put("type", "dns")
            json.put("address", server)
          }
        }
      })
  }
}

import Inventory
import OrderedCollections

/// NoCloud's network-config, version 2, which is netplan's form: the same interfaces and subnets as
/// in OpenStack's network_data.json.
struct NetworkConfigDocument {
  let view: InstanceView

  /// Nil where there is no interface to speak of: cloud-init then asks DHCP, where an empty document
  /// would leave the guest without network.
  var value: JSONValue? {
    var ethernets: OrderedDictionary<String, JSONValue> = [:]
    for (interface, network) in view.connections where !network.subnets.isEmpty {
      guard let mac = interface.mac else { continue }
      ethernets["nic\(ethernets.count)"] = .object(
        NetworkConfigDocument.card(interface, mac, on: network))
    }
    return ethernets.isEmpty ? nil : ["version": 2, "ethernets": .object(ethernets)]
  }

  typealias Members = OrderedDictionary<String, JSONValue>

  /// A guest finds its card by the MAC, and keeps the name that its kernel gave it.
  private static func card(
    _ interface: NetworkInterface, _ mac: MACAddress, on network: Network
  ) -> Members {
    var card: Members = ["match": ["macaddress": .string(mac.description)]]
    if let mtu = NetworkDataDocument.mtu(of: network) { card["mtu"] = JSONValue(mtu) }
    let own = [true, false].compactMap {
      AddressedSubnet(of: interface, on: network, isIPv4: $0)
    }
    for subnet in own.map(\.subnet) { addAutomatic(subnet, to: &card) }
    let fixed = own.filter { !$0.subnet.isAutomatic }
    put(fixed.map { "\($0.address)/\($0.subnet.cidr.prefixLength)" }, "addresses", in: &card)
    let routes = fixed.flatMap { NetworkConfigDocument.routes(of: $0.subnet) }
    if !routes.isEmpty { card["routes"] = .array(routes) }
    var servers: OrderedSet<String> = []
    for subnet in own.map(\.subnet) { servers.append(contentsOf: subnet.dns.map(\.description)) }
    if !servers.isEmpty {
      card["nameservers"] = ["addresses": .array(servers.map(JSONValue.string))]
    }
    return card
  }

  private static func addAutomatic(_ subnet: Subnet, to card: inout Members) {
    switch subnet.ipv6AddressMode {
    case .slaac: card["accept-ra"] = true
    case .dhcpv6Stateful: card["dhcp6"] = true
    case .dhcpv6Stateless:
      card["dhcp6"] = true
      card["accept-ra"] = true
    case nil:
      if subnet.dhcp { card[subnet.cidr.network.isIPv4 ? "dhcp4" : "dhcp6"] = true }
    }
  }

  private static func put(_ texts: [String], _ field: String, in card: inout Members) {
    if !texts.isEmpty { card[field] = .array(texts.map(JSONValue.string)) }
  }

  /// The default route, then the declared ones in their order.
  private static func routes(of subnet: Subnet) -> [JSONValue] {
    let everywhere = subnet.cidr.network.isIPv4 ? "0.0.0.0/0" : "::/0"
    let toGateway = subnet.gateway.map { [(everywhere, $0)] } ?? []
    let declared = subnet.routes.map { ($0.destination.description, $0.gateway) }
    return (toGateway + declared).map { to, via in
      ["to": .string(to), "via": .string(via.description)]
    }
  }
}

extension Subnet {
  /// Whether a guest learns its address on the network.
  fileprivate var isAutomatic: Bool { dhcp || ipv6AddressMode != nil }
}

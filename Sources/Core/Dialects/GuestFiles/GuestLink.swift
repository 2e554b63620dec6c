import Inventory

/// A network card as what runs in a guest must configure it: the same subnets and addresses as in
/// network_data.json.
struct GuestLink {
  enum Method {
    case none
    case dhcp
    /// IPv6 only: from the router's announcements.
    case announced
    case fixed(AddressedSubnet)

    var fixed: AddressedSubnet? {
      if case .fixed(let own) = self { own } else { nil }
    }

    var isDHCP: Bool {
      if case .dhcp = self { true } else { false }
    }

    var isNone: Bool {
      if case .none = self { true } else { false }
    }
  }

  /// The card, numbered as the guest's kernel does.
  let number: Int
  let mac: MACAddress?
  let mtu: Int?
  let v4: Method
  let v6: Method

  /// All cards whose network has subnets.
  static func links(of view: InstanceView) -> [GuestLink] {
    view.connections.lazy
      .filter { !$0.network.subnets.isEmpty }.enumerated()
      .map { number, connection in
        GuestLink(number, connection.interface, on: connection.network)
      }
      .filter { !$0.v4.isNone || !$0.v6.isNone }
  }

  private init(_ number: Int, _ interface: NetworkInterface, on network: Network) {
    self.number = number
    mac = interface.mac
    mtu = network.mtu
    v4 = GuestLink.method(interface, on: network, isIPv4: true)
    v6 = GuestLink.method(interface, on: network, isIPv4: false)
  }

  private static func method(_ interface: NetworkInterface, on network: Network, isIPv4: Bool)
    -> Method
  {
    guard let own = AddressedSubnet(of: interface, on: network, isIPv4: isIPv4) else {
      return .none
    }
    switch own.subnet.ipv6AddressMode {
    case .slaac, .dhcpv6Stateless: return .announced
    case .dhcpv6Stateful: return .dhcp
    case nil: return own.subnet.dhcp ? .dhcp : .fixed(own)
    }
  }

  /// Name servers of the fixed subnets; DHCP tells the others.
  var nameServers: [IPAddress] {
    [v4, v6].compactMap(\.fixed).flatMap(\.subnet.dns)
  }
}

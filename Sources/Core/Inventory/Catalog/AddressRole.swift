/// What an address is known as when it is no instance's: a request that comes from one has lost the
/// guest's own address on its way, to source NAT.
public enum AddressRole: Sendable, Hashable {
  case gateway(NetworkID)
  case dhcpServer(NetworkID)
  case floatingIP(InstanceID)
  /// An address of the host that the daemon runs on.
  case ownHost
  /// A router that the daemon's host sends by.
  case nextHop
}

extension AddressRole: CustomStringConvertible {
  /// As in a sentence: `the gateway of net-a`.
  public var description: String {
    switch self {
    case .gateway(let network): "the gateway of \(network.text)"
    case .dhcpServer(let network): "the DHCP server of \(network.text)"
    case .floatingIP(let instance): "a floating IP of instance \(instance)"
    case .ownHost: "an address of this host"
    case .nextHop: "a router that this host sends by"
    }
  }
}

/// The addresses that records name without giving them to an instance.
struct RoleIndex: Sendable {
  private var roles: [IPAddress: [AddressRole]] = [:]

  mutating func add(_ list: [(IPAddress, AddressRole)]) {
    for (address, role) in list {
      roles[address, default: []].append(role)
    }
  }

  mutating func remove(_ list: [(IPAddress, AddressRole)]) {
    for (address, role) in list {
      guard let index = roles[address]?.firstIndex(of: role) else { continue }
      roles[address]?.remove(at: index)
      if roles[address]?.isEmpty == true { roles[address] = nil }
    }
  }

  /// The address's role, on the network first where one is named.
  func role(of address: IPAddress, on network: NetworkID?) -> AddressRole? {
    let all = roles[address] ?? []
    return all.first { role in
      switch role {
      case .gateway(let id), .dhcpServer(let id): id == network
      case .floatingIP, .ownHost, .nextHop: false
      }
    } ?? all.first
  }

  static func roles(of resource: Resource) -> [(IPAddress, AddressRole)] {
    switch resource {
    case .project, .keyPair: return []
    case .network(let network):
      return network.subnets.flatMap { subnet in
        [
          subnet.gateway.map { ($0, AddressRole.gateway(network.id)) },
          subnet.dhcpServer.map { ($0, AddressRole.dhcpServer(network.id)) },
        ].compactMap { $0 }
      }
    case .instance(let instance): return roles(of: instance.interfaces, of: instance.id)
    }
  }

  static func roles(of interfaces: [NetworkInterface], of instance: InstanceID)
    -> [(IPAddress, AddressRole)]
  {
    interfaces.flatMap(\.addresses).flatMap { address in
      address.floatingIPs.map { ($0, AddressRole.floatingIP(instance)) }
    }
  }
}

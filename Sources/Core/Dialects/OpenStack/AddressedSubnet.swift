import Inventory

/// The subnet of one address family that counts for an interface, and the interface's first
/// address in it.
///
/// Nova's documents know one IPv4 and one IPv6 subnet of an interface, the first ones. Its record
/// of a port has only subnets in which the port has an address, so here one without is none.
struct AddressedSubnet {
  let subnet: Subnet
  let address: IPAddress

  init?(of interface: NetworkInterface, on network: Network, isIPv4: Bool) {
    let addresses = interface.addresses.map(\.ip)
    guard let subnet = network.subnet(isIPv4: isIPv4, holding: addresses),
      let address = addresses.first(where: subnet.cidr.contains)
    else { return nil }
    self.subnet = subnet
    self.address = address
  }
}

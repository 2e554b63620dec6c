import Inventory

/// An interface as EC2 shows it, under its MAC.
struct EC2Card: EC2Subject {
  let guest: EC2Guest
  /// The interface's place among all of the instance.
  let deviceNumber: Int
  let mac: MACAddress
  let interface: NetworkInterface
  let network: Network

  var version: EC2Version { guest.version }

  func addresses(isIPv4: Bool) -> [IPAddress] {
    interface.addresses.map(\.ip).filter { $0.isIPv4 == isIPv4 && !$0.isLinkLocal }
  }

  /// The subnets of a family in which the interface has an address.
  func subnets(isIPv4: Bool) -> [Subnet] {
    let addresses = addresses(isIPv4: isIPv4)
    return network.subnets.filter { addresses.contains(where: $0.cidr.contains) }
  }

  /// The network's blocks of IPv4 addresses, which to EC2 are the VPC's.
  var networkBlocks: [CIDR] { network.subnets.map(\.cidr).filter(\.network.isIPv4) }

  /// Which fixed address each floating one leads to.
  var associations: [(floating: IPAddress, fixed: IPAddress)] {
    interface.addresses.filter(\.ip.isIPv4).flatMap { address in
      address.floatingIPs.filter(\.isIPv4).map { (floating: $0, fixed: address.ip) }
    }
  }

  var publicIPv4s: [IPAddress] {
    interface.addresses.flatMap(\.floatingIPs).filter(\.isIPv4)
  }

  /// The interface's own security groups, else the instance's.
  var securityGroups: [ByteText] {
    interface.securityGroups.isEmpty
      ? guest.instance.securityGroups : interface.securityGroups.map { ByteText($0) }
  }

  /// The first declared id among the subnets that the interface has addresses in, else one that is
  /// made from the first of them: there are clients that read no interface without it.
  var subnetID: ByteText? {
    let subnets = [true, false].flatMap(subnets(isIPv4:))
    if let declared = subnets.lazy.compactMap(\.id).first.map({ ByteText($0) }) {
      return EC2ID.derived("subnet-", from: declared) ?? declared
    }
    return subnets.first.map { EC2ID.made("subnet-", from: "\(network.id)/\($0.cidr)") }
  }

  var networkID: ByteText { ByteText(network.id.text) }
}

/// `network/interfaces/macs/MAC/…`, from which cloud-init configures the guest.
enum EC2NetworkTree {
  static let rows: EC2Table<EC2Guest> = [.directory("interfaces", interfaces)]

  private static let interfaces: EC2Table<EC2Guest> = [
    .directory("macs", exists: { $0.instance.firstMAC != nil }) { path, version in
      guard let segment = path.first else {
        return { guest in
          EC2Listing.node(
            guest.macs.sorted { $0.bits < $1.bits }
              .map { ListingEntry(directory: $0.description) })
        }
      }
      guard let mac = MACAddress(segment), mac.description == segment,
        let node = leaves.node(at: path.dropFirst(), in: version)
      else { return nil }
      return { guest in guest.card(of: mac).flatMap(node) }
    }
  ]

  private static let leaves = EC2Table(identity + addresses + blocks)

  private static let identity: [EC2Entry<EC2Card>] = [
    .leaf("device-number") { ByteText(String($0.deviceNumber)) },
    .leaf("interface-id") { card in
      EC2ID.derived("eni-", from: card.interface.id.map { ByteText($0) })
    },
    .leaf("local-hostname") { $0.guest.input.fullHostname },
    .leaf("mac") { $0.mac },
    .leaf("owner-id") { $0.guest.ownerID },
    .leaf("public-hostname") { $0.publicIPv4s.isEmpty ? nil : $0.guest.input.fullHostname },
    .lines("security-groups") { $0.securityGroups },
    .leaf("subnet-id") { $0.subnetID },
    .leaf("vpc-id") { EC2ID.derived("vpc-", from: $0.networkID) ?? $0.networkID },
  ]

  private static let addresses: [EC2Entry<EC2Card>] = [
    .directory("ipv4-associations") { card in
      card.associations.map { (key: ByteText($0.floating), value: ByteText($0.fixed)) }
    },
    .lines("ipv6s") { $0.addresses(isIPv4: false) },
    .lines("local-ipv4s") { $0.addresses(isIPv4: true) },
    .lines("public-ipv4s") { $0.publicIPv4s },
  ]

  private static let blocks: [EC2Entry<EC2Card>] = [
    .leaf("subnet-ipv4-cidr-block") { card in
      card.subnets(isIPv4: true).first.map { ByteText($0.cidr.description) }
    },
    .lines("subnet-ipv4-cidr-blocks") { $0.subnets(isIPv4: true).map(\.cidr) },
    .lines("subnet-ipv6-cidr-blocks") { $0.subnets(isIPv4: false).map(\.cidr) },
    .leaf("vpc-ipv4-cidr-block") { card in
      card.networkBlocks.first.map { ByteText($0.description) }
    },
    .lines("vpc-ipv4-cidr-blocks") { $0.networkBlocks },
  ]
}

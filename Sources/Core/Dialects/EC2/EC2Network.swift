import Inventory

/// `network/interfaces/macs/MAC/`, from which cloud-init configures a guest's cards.
enum EC2Network {
  static func addresses(_ input: RenderInput, isIPv4: Bool) -> [IPAddress] {
    input.view.instance.interfaces.flatMap { addresses($0, isIPv4: isIPv4) }
  }

  static func floatingIPs(_ input: RenderInput) -> [IPAddress] {
    input.view.instance.interfaces.flatMap(\.addresses).flatMap(\.floatingIPs)
      .filter(\.isIPv4)
  }

  static func tree(_ input: RenderInput) -> TreeNode? {
    let view = input.view
    let cards = zip(view.instance.interfaces, view.networks).enumerated()
    let macs = Directory(
      cards.compactMap { index, pair in
        guard let mac = pair.0.mac else { return nil }
        let card = Card(input: input, index: index, interface: pair.0, network: pair.1)
        return Directory.Child(name: mac.description) { .directory(Directory(card, rows)) }
      })
    guard case .directory(let directory)? = macs.unlessEmpty else { return nil }
    return .directory(
      Directory([
        Directory.Child(name: "interfaces") {
          .directory(Directory([Directory.Child(name: "macs") { .directory(directory) }]))
        }
      ]))
  }

  private struct Card: Sendable {
    let input: RenderInput
    let index: Int
    let interface: NetworkInterface
    let network: Network

    func blocks(isIPv4: Bool) -> [String] {
      network.subnets.filter { $0.cidr.network.isIPv4 == isIPv4 }.map(\.cidr.description)
    }

    /// The blocks that the card has addresses in.
    func ownBlocks(isIPv4: Bool) -> [String] {
      let own = addresses(interface, isIPv4: isIPv4)
      return network.subnets.map(\.cidr).filter { own.contains(where: $0.contains) }
        .map(\.description)
    }

    var associations: [(public: IPAddress, local: IPAddress)] {
      interface.addresses.flatMap { address in
        address.floatingIPs.filter(\.isIPv4).map { (public: $0, local: address.ip) }
      }
    }

    /// The subnet that holds the first address, by its declared id or else its block.
    var subnetID: String? {
      guard let first = interface.addresses.first?.ip else { return nil }
      return network.subnets.first { $0.cidr.contains(first) }?.id
    }

    var interfaceID: String? {
      guard let id = interface.id.flatMap(InstanceID.init) else { return interface.id }
      return "eni-" + id.hexDigits.prefix(17)
    }
  }

  private static func addresses(_ interface: NetworkInterface, isIPv4: Bool) -> [IPAddress] {
    interface.addresses.map(\.ip).filter { $0.isIPv4 == isIPv4 }
  }

  /// One value a line; absent where there is none.
  private static func lines(_ values: [String]) -> TreeNode? {
    values.isEmpty ? nil : .lines(values)
  }

  private static let rows: [LeafRow<Card>] = [
    LeafRow("device-number") { .text(String($0.index)) },
    LeafRow("interface-id") { $0.interfaceID.map(TreeNode.text) },
    LeafRow("ipv4-associations") { card in
      Directory(
        card.associations.map { pair in
          Directory.Child(name: pair.public.description) { .text(pair.local.description) }
        }
      ).unlessEmpty
    },
    LeafRow("ipv6s") { lines(addresses($0.interface, isIPv4: false).map(\.description)) },
    LeafRow("local-hostname") { .text($0.input.fullHostname) },
    LeafRow("local-ipv4s") { lines(addresses($0.interface, isIPv4: true).map(\.description)) },
    LeafRow("mac") { $0.interface.mac.map { .text($0.description) } },
    LeafRow("owner-id") { card in
      let instance = card.input.view.instance
      return (instance.accountID ?? instance.project).map(TreeNode.text)
    },
    LeafRow("public-hostname") { card in
      card.associations.isEmpty ? nil : .text(card.input.fullHostname)
    },
    LeafRow("public-ipv4s") { lines($0.associations.map(\.public.description)) },
    LeafRow("security-groups") { card in
      let own = card.interface.securityGroups
      return lines(own.isEmpty ? card.input.view.instance.securityGroups : own)
    },
    LeafRow("subnet-id") { $0.subnetID.map(TreeNode.text) },
    LeafRow("subnet-ipv4-cidr-block") { $0.ownBlocks(isIPv4: true).first.map(TreeNode.text) },
    LeafRow("subnet-ipv4-cidr-blocks") { lines($0.ownBlocks(isIPv4: true)) },
    LeafRow("subnet-ipv6-cidr-blocks") { lines($0.ownBlocks(isIPv4: false)) },
    LeafRow("vpc-id") { .text($0.network.id.text) },
    LeafRow("vpc-ipv4-cidr-block") { $0.blocks(isIPv4: true).first.map(TreeNode.text) },
    LeafRow("vpc-ipv4-cidr-blocks") { lines($0.blocks(isIPv4: true)) },
    LeafRow("vpc-ipv6-cidr-blocks") { lines($0.blocks(isIPv4: false)) },
  ]
}

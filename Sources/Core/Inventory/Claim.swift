/// Something that only one resource may have. Stores keep claims unique in their schema, so no two
/// writers can both believe that an address is theirs.
public struct Claim: Hashable, Sendable, CustomStringConvertible {
  public enum Space: String, Sendable, CaseIterable {
    case name
    case address
    case ec2InstanceID
  }

  public let space: Space
  /// The claim's text, unique within the space.
  public let key: String
  /// What is claimed, in words for an error.
  public let description: String

  static func name(_ name: String, of kind: ResourceKind, project: String?) -> Claim {
    let place = project.map { "in project \($0)" } ?? "outside any project"
    return Claim(
      space: .name, key: "\(kind.rawValue)/\(project ?? "")/\(name)",
      description: "the name '\(name)' \(place)")
  }

  public static func address(_ ip: IPAddress, on network: NetworkID) -> Claim {
    Claim(
      space: .address, key: "\(network)/\(ip)",
      description: "the address \(ip) on network \(network)")
  }

  /// The link-local address that follows from a MAC: it identifies a guest, so a MAC is as unique
  /// on its network as an address.
  static func mac(_ mac: MACAddress, on network: NetworkID) -> Claim {
    Claim(
      space: .address, key: "\(network)/\(mac.linkLocalAddress)",
      description: "the MAC \(mac) (and so \(mac.linkLocalAddress)) on network \(network)")
  }

  public static func ec2InstanceID(_ id: String) -> Claim {
    Claim(space: .ec2InstanceID, key: id, description: "the EC2 instance id \(id)")
  }

  public static func == (left: Claim, right: Claim) -> Bool {
    left.space == right.space && left.key == right.key
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(space)
    hasher.combine(key)
  }
}

extension Resource {
  /// All that the resource claims by its own document. An instance's derived EC2 id is claimed by
  /// the store, which chooses it.
  public var claims: Set<Claim> {
    var claims: Set<Claim> = []
    if let name { claims.insert(.name(name, of: kind, project: project)) }
    guard case .instance(let instance) = self else { return claims }
    for interface in instance.interfaces {
      for address in interface.addresses {
        claims.insert(.address(address.ip, on: interface.network))
      }
      if let mac = interface.mac { claims.insert(.mac(mac, on: interface.network)) }
    }
    if let id = instance.ec2.instanceID { claims.insert(.ec2InstanceID(id)) }
    return claims
  }

  /// The resources that must exist for this one to make sense.
  public var references: Set<ResourceID> {
    guard case .instance(let instance) = self else { return [] }
    let networks = instance.interfaces.map {
      ResourceID(kind: .network, text: $0.network.text)
    }
    let keyPairs = instance.keys.compactMap { key -> ResourceID? in
      guard case .named(let name) = key else { return nil }
      let id = KeyPairID(project: instance.project, name: name)
      return ResourceID(kind: .keyPair, text: id.description)
    }
    return Set(networks + keyPairs)
  }
}

// Which field is to blame for what only the store can judge.

extension Resource {
  /// The field of the document that claims something; nil where none of it does.
  public func field(claiming claim: Claim) -> String? {
    if let name, Claim.name(name, of: kind, project: project) == claim { return "name" }
    guard case .instance(let instance) = self else { return nil }
    if let id = instance.ec2.instanceID, Claim.ec2InstanceID(id) == claim {
      return "ec2.instanceId"
    }
    for (index, interface) in instance.interfaces.enumerated() {
      if let mac = interface.mac, Claim.mac(mac, on: interface.network) == claim {
        return "interfaces[\(index)].mac"
      }
      // An only address may be written in either of two fields.
      if interface.addresses.contains(where: { .address($0.ip, on: interface.network) == claim }) {
        return "interfaces[\(index)]"
      }
    }
    return nil
  }

  /// The field of the document that refers to a resource; nil where none of it does.
  public func field(referringTo id: ResourceID) -> String? {
    guard case .instance(let instance) = self else { return nil }
    switch id.kind {
    case .network:
      return instance.interfaces.firstIndex { $0.network.text == id.text }
        .map { "interfaces[\($0)].network" }
    case .keyPair:
      return instance.keys.firstIndex {
        guard case .named(let name) = $0 else { return false }
        return KeyPairID(project: instance.project, name: name).description == id.text
      }.map { "keys[\($0)]" }
    default: return nil
    }
  }
}

/// An instance together with all that it refers to: what a dialect renders.
///
/// An object that never changes, and is handed on many times for a document. What it says is found when
/// it is asked for: a document needs little of it.
public final class InstanceView: Sendable {
  public let instance: PackedInstance
  /// As long as it is the same, so is all that the view says.
  public let version: Catalog.Version
  /// What the guest has posted as its password.
  public let password: Secret<[UInt8]>?
  private let snapshot: SharedRecords.Snapshot

  /// A public key with the name that guests see.
  public struct NamedKey: Sendable {
    public let name: ByteText
    public let type: KeyPair.KeyType
    public let publicKey: ByteText
  }

  /// - Parameter shared: Where what the instance refers to is looked up. What cannot be found, because
  ///   a record arrived before the one it refers to, is left out.
  init(
    _ instance: PackedInstance, at version: Catalog.Version, password: Secret<[UInt8]>?,
    shared: SharedRecords.Snapshot
  ) {
    self.instance = instance
    self.version = version
    self.password = password
    snapshot = shared
  }

  public var id: InstanceID { instance.id }

  /// The instance's record again.
  public var record: Record { instance.record }

  /// The options in force.
  public var metadataOptions: MetadataOptions { snapshot.records.metadataOptions(of: instance) }

  public var revision: Revision { instance.revision }

  /// When it was first declared, in seconds since 1970.
  public var createdAtSeconds: Int { instance.createdAtSeconds }

  public var ec2InstanceID: ByteText {
    instance.knownEC2InstanceID ?? ByteText(instance.id.ec2InstanceIDCandidates[0])
  }

  /// The interfaces in order, each with its network.
  public var connections: [(interface: NetworkInterface, network: Network)] {
    instance.interfaces.map { ($0, network(of: $0)) }
  }

  public func network(of interface: NetworkInterface) -> Network {
    snapshot.records.network(interface.network) ?? Network(id: interface.network)
  }

  /// Whether a network's addresses are to be written into the guest.
  public var hasInjectedNetwork: Bool {
    snapshot.records.haveInjectedNetwork && connections.contains { $0.network.injected }
  }

  /// The keys in their order, the first being the one that EC2 knows as 0.
  public var keys: [NamedKey] {
    var keys: [NamedKey] = []
    var index = 0
    instance.eachKey { key in
      defer { index += 1 }
      switch key {
      case .named(let name):
        guard let pair = pair(name) else { return }
        keys.append(NamedKey(name: name, type: pair.type, publicKey: ByteText(pair.publicKey)))
      case .inline(let declared, let type, let text):
        var name = declared ?? InstanceView.comment(of: text) ?? ByteText("key-\(index)")
        if keys.contains(where: { $0.name == name }) {
          name = ByteText(joining: [name, ByteText("-\(index)")])
        }
        keys.append(NamedKey(name: name, type: type, publicKey: text))
      }
    }
    return keys
  }

  /// The key that EC2 knows by a number; nil where there are not so many.
  public func publicKey(at number: Int) -> ByteText? {
    var place = 0
    return instance.firstKey { key in
      let text: ByteText? =
        switch key {
        case .named(let name): pair(name).map { ByteText($0.publicKey) }
        case .inline(_, _, let publicKey): publicKey
        }
      guard let text else { return nil }
      defer { place += 1 }
      return place == number ? text : nil
    }
  }

  /// A key pair of the instance's project.
  private func pair(_ name: ByteText) -> KeyPair? {
    snapshot.records.keyPair(KeyPairID(project: instance.project?.string, name: name.string))
  }

  /// The comment of an authorized_keys line, where it can stand in a listing.
  private static func comment(of key: ByteText) -> ByteText? {
    // Behind the type and the key.
    let comment = key.trimmed.withoutWords(2).trimmed
    return comment.isEmpty || NameRule.pathSegment(comment) != nil ? nil : comment
  }
}

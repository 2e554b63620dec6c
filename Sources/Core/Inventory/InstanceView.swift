/// An instance together with all that it refers to: what a dialect renders.
///
/// An object that never changes: it has dozens of parts, and is handed on many times for a document.
public final class InstanceView: Sendable {
  public let instance: Instance
  public let revision: Revision
  /// When it was first declared, in seconds since 1970.
  public let createdAtSeconds: Int
  public let ec2InstanceID: String
  /// One network for each interface, in the interfaces' order.
  public let networks: [Network]
  /// The keys in their order, the first being the one that EC2 knows as 0.
  public let keys: [NamedKey]
  /// What the guest has posted as its password.
  public let password: Secret<[UInt8]>?
  /// The options in force.
  public let metadataOptions: MetadataOptions

  /// A public key with the name that guests see.
  public struct NamedKey: Sendable, Hashable {
    public let name: String
    public let type: KeyPair.KeyType
    public let publicKey: String
  }

  /// Puts an instance together from its record and look-ups for what it refers to. What cannot be
  /// found, because a record arrived before the one it refers to, is left out.
  /// - Parameter metadataOptions: What is in force; nil for what the instance says and no other.
  public init?(
    record: Record, password: Secret<[UInt8]>?, network: (NetworkID) -> Network?,
    keyPair: (KeyPairID) -> KeyPair?, metadataOptions: MetadataOptions? = nil
  ) {
    guard case .instance(let instance) = record.resource else { return nil }
    self.instance = instance
    revision = record.revision
    createdAtSeconds = record.createdAtSeconds
    ec2InstanceID = record.ec2InstanceID ?? instance.id.ec2InstanceIDCandidates[0]
    self.password = password
    networks = instance.interfaces.map { network($0.network) ?? Network(id: $0.network) }
    keys = InstanceView.resolve(instance, keyPair)
    self.metadataOptions = metadataOptions ?? MetadataOptions(instance.declaredMetadataOptions)
  }

  private static func resolve(_ instance: Instance, _ keyPair: (KeyPairID) -> KeyPair?)
    -> [NamedKey]
  {
    var names: Set<String> = []
    var keys: [NamedKey] = []
    for (index, reference) in instance.keys.enumerated() {
      let key: NamedKey
      switch reference {
      case .named(let name):
        guard let pair = keyPair(KeyPairID(project: instance.project, name: name)) else { continue }
        key = NamedKey(name: name, type: pair.type, publicKey: pair.publicKey)
      case .inline(let declared, let type, let text):
        var name = declared ?? comment(of: text) ?? "key-\(index)"
        if names.contains(name) { name += "-\(index)" }
        key = NamedKey(name: name, type: type, publicKey: text)
      }
      names.insert(key.name)
      keys.append(key)
    }
    return keys
  }

  /// The comment of an authorized_keys line, where it can stand in a listing.
  private static func comment(of key: String) -> String? {
    let words = key.trimmed.split(separator: " ", maxSplits: 2)
    guard words.count == 3 else { return nil }
    let comment = String(words[2]).trimmed
    return comment.isEmpty || NameRule.pathSegment(comment) != nil ? nil : comment
  }
}

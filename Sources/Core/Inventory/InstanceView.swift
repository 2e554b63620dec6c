import Glibc

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
  public struct NamedKey: Sendable, Hashable {
    public let name: String
    public let type: KeyPair.KeyType
    public let publicKey: String
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

  public var ec2InstanceID: String {
    instance.knownEC2InstanceID ?? instance.id.ec2InstanceIDCandidates[0]
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
    for (index, reference) in instance.keys.enumerated() {
      switch reference {
      case .named(let name):
        guard let pair = pair(name) else { continue }
        keys.append(NamedKey(name: name, type: pair.type, publicKey: pair.publicKey))
      case .inline(let declared, let type, let text):
        var name = declared ?? InstanceView.comment(of: text) ?? "key-\(index)"
        if keys.contains(where: { $0.name == name }) { name += "-\(index)" }
        keys.append(NamedKey(name: name, type: type, publicKey: text))
      }
    }
    return keys
  }

  /// The key that EC2 knows by a number; nil where there are not so many.
  public func publicKey(at number: Int) -> String? {
    var place = 0
    return instance.firstKey { reference in
      let key =
        switch reference {
        case .named(let name): pair(name)?.publicKey
        case .inline(_, _, let publicKey): publicKey
        }
      guard key != nil else { return nil }
      defer { place += 1 }
      return place == number ? key : nil
    }
  }

  /// A key pair of the instance's project.
  private func pair(_ name: String) -> KeyPair? {
    snapshot.records.keyPair(KeyPairID(project: instance.project, name: name))
  }

  /// The comment of an authorized_keys line, where it can stand in a listing.
  private static func comment(of key: String) -> String? {
    var key = key.trimmed
    let rest = key.withUTF8 { key in
      var rest = UnsafeRawBufferPointer(key)
      // Behind the type and the key, and any number of spaces after each.
      for _ in 0..<2 {
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[lengthOfWord(in: rest)...])
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest.drop { $0 == UInt8(ascii: " ") })
      }
      return unsafe String(decoding: rest, as: UTF8.self)
    }
    let comment = rest.trimmed
    return comment.isEmpty || NameRule.pathSegment(comment) != nil ? nil : comment
  }

  /// How many bytes there are before the first space.
  private static func lengthOfWord(in text: UnsafeRawBufferPointer) -> Int {
    guard let start = text.baseAddress,
      let space = unsafe memchr(start, CInt(UInt8(ascii: " ")), text.count)
    else { return text.count }
    return unsafe UnsafeRawPointer(space) - start
  }
}

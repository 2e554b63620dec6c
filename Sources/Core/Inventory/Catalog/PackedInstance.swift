/// An instance as the catalogue keeps it: a few bytes, since what is read from them takes several
/// times as much.
struct PackedInstance: Sendable {
  let id: InstanceID
  let revision: Revision
  let createdAtSeconds: Int
  let ec2InstanceID: String?
  /// All but the id and the user data.
  let bytes: [UInt8]
  /// Once in memory for all instances that have the same.
  var userData: UserDataPool.Content?

  init(_ record: Record, of instance: Instance) {
    id = instance.id
    revision = record.revision
    createdAtSeconds = record.createdAtSeconds
    ec2InstanceID = record.ec2InstanceID
    userData = instance.userData.map { UserDataPool.Content($0.revealed) }
    bytes = instance.packed
  }

  /// The instance; nil only where memory is damaged, for it was packed here.
  var instance: Instance? { Instance(id: id, userData: userData?.bytes, packed: bytes) }

  var record: Record? {
    instance.map { instance in
      Record(
        resource: .instance(instance), revision: revision, createdAtSeconds: createdAtSeconds,
        ec2InstanceID: ec2InstanceID)
    }
  }
}

/// The user data of all instances, each content once: a fleet is made from one template.
struct UserDataPool: Sendable {
  /// Bytes with their hash, which is computed by whoever prepares a change and not where it is applied.
  struct Content: Hashable, Sendable {
    let bytes: [UInt8]
    private let hash: Int

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      var hasher = Hasher()
      unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
      hash = hasher.finalize()
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    static func == (left: Content, right: Content) -> Bool {
      left.hash == right.hash && left.bytes == right.bytes
    }
  }

  private var users: [Content: Int] = [:]

  /// How many contents there are.
  var count: Int { users.count }

  /// Takes a content in.
  /// - Returns: The one to keep.
  mutating func take(_ content: Content) -> Content {
    guard let index = users.index(forKey: content) else {
      let own = Content(content.bytes.fitted)
      users[own] = 1
      return own
    }
    users.values[index] += 1
    return users.keys[index]
  }

  mutating func release(_ content: Content) {
    guard let index = users.index(forKey: content) else { return }
    if users.values[index] > 1 {
      users.values[index] -= 1
    } else {
      users.remove(at: index)
    }
  }
}

extension [UInt8] {
  /// Whether some bytes stand in these, one after another.
  func contains(_ text: [UInt8]) -> Bool {
    guard let first = text.first, count >= text.count else { return text.isEmpty }
    return indices.dropLast(text.count - 1).contains { start in
      self[start] == first && self[start..<(start + text.count)].elementsEqual(text)
    }
  }

  /// The same bytes in no more memory than they need.
  var fitted: [UInt8] {
    guard capacity > count + 32 else { return self }
    var fitted: [UInt8] = []
    fitted.reserveCapacity(count)
    fitted.append(contentsOf: self)
    return fitted
  }
}

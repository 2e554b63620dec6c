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
  /// The same bytes in no more memory than they need.
  public var fitted: [UInt8] {
    guard capacity > count + 32 else { return self }
    var fitted: [UInt8] = []
    fitted.reserveCapacity(count)
    fitted.append(contentsOf: self)
    return fitted
  }
}

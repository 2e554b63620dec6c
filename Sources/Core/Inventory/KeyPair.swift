/// A public key that instances are given by name.
public struct KeyPair: Sendable, Hashable {
  public var name: String
  public var project: String?
  public var type: KeyType
  /// The key as it was declared, byte for byte; guests get exactly this.
  public var publicKey: String

  public init(name: String, project: String? = nil, type: KeyType = .ssh, publicKey: String) {
    self.name = name
    self.project = project
    self.type = type
    self.publicKey = publicKey
  }

  public var id: KeyPairID { KeyPairID(project: project, name: name) }

  /// Nova's two types of key pairs.
  public enum KeyType: String, Sendable, CaseIterable {
    case ssh
    case x509
  }
}

/// One of an instance's keys: the name of a ``KeyPair``, or the key itself.
public enum KeyReference: Sendable, Hashable {
  /// A key pair of the instance's project.
  case named(String)
  /// A key that stands in the instance's own document. Without a name it has that of its comment.
  case inline(name: String?, type: KeyPair.KeyType, publicKey: String)
}

extension KeyPair {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    var fields = try FieldReader(value, path: path)
    _ = fields.raw("kind")
    name = try fields.required("name", rule: NameRule.keyPair)
    project = try fields.string("project", rule: NameRule.identifier)
    type = try fields.word("type") ?? .ssh
    publicKey = try fields.required("publicKey", rule: PublicKeyRule.rule(for: type))
    try fields.finish()
  }

  var value: JSONValue {
    var fields = FieldWriter()
    fields.put("kind", "KeyPair")
    fields.put("name", name)
    fields.put("project", project)
    if type != .ssh { fields.put("type", type.rawValue) }
    fields.put("publicKey", publicKey)
    return fields.value
  }
}

extension KeyReference {
  init(reading value: JSONValue, path: String) throws(FieldError) {
    if let text = value.string {
      if PublicKeyRule.looksLikeSSHKey(text) {
        if let problem = PublicKeyRule.ssh(text) { throw FieldError(path: path, message: problem) }
        self = .inline(name: nil, type: .ssh, publicKey: text)
      } else {
        if let problem = NameRule.keyPair(text) {
          throw FieldError(
            path: path, message: "\(problem), and this is no public key either (ssh-…, ecdsa-…)")
        }
        self = .named(text)
      }
      return
    }
    guard value.object != nil else {
      throw FieldError(
        path: path, message: "must be a key pair's name, a public key, or {name, publicKey}")
    }
    var fields = try FieldReader(value, path: path)
    let name = try fields.string("name", rule: NameRule.keyPair)
    let type: KeyPair.KeyType = try fields.word("type") ?? .ssh
    let key = try fields.required("publicKey", rule: PublicKeyRule.rule(for: type))
    try fields.finish()
    self = .inline(name: name, type: type, publicKey: key)
  }

  var value: JSONValue {
    switch self {
    case .named(let name): return .string(name)
    case .inline(nil, .ssh, let key) where PublicKeyRule.looksLikeSSHKey(key): return .string(key)
    case .inline(let name, let type, let key):
      var fields = FieldWriter()
      fields.put("name", name)
      if type != .ssh { fields.put("type", type.rawValue) }
      fields.put("publicKey", key)
      return fields.value
    }
  }
}

/// What a public key must look like before it is handed to guests.
enum PublicKeyRule {
  static func rule(for type: KeyPair.KeyType) -> ((String) -> String?) {
    switch type {
    case .ssh: { ssh($0) }
    case .x509: { bounds($0) }
    }
  }

  /// One line of authorized_keys; a line break at its end is kept, one inside would be a second
  /// entry that nobody declared.
  static func ssh(_ text: String) -> String? {
    if let problem = bounds(text) { return problem }
    let line = text.trimmed
    guard !line.hasControlCharacters else {
      return "must be one line: a second line would be a second key"
    }
    guard looksLikeSSHKey(line) else {
      return "must start with the key's type and a space, like 'ssh-ed25519 AAAA…'"
    }
    return nil
  }

  static func looksLikeSSHKey(_ text: String) -> Bool {
    let words = text.trimmed.split(separator: " ", maxSplits: 1)
    guard words.count == 2, let type = words.first else { return false }
    return type.hasPrefix("ssh-") || type.hasPrefix("ecdsa-") || type.hasPrefix("sk-")
  }

  private static func bounds(_ text: String) -> String? {
    guard !text.trimmed.isEmpty else { return "must not be empty" }
    guard text.utf8.count <= Limits.maximumPublicKeyBytes else {
      return "has \(text.utf8.count) bytes; at most \(Limits.maximumPublicKeyBytes) are allowed"
    }
    guard !text.utf8.contains(0) else { return "must not contain a NUL byte" }
    return nil
  }
}

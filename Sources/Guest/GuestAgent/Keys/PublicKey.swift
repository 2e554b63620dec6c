import FoundationEssentials

/// A public key as authorized_keys has it, checked down to the parts of its blob: a type that
/// OpenSSH takes, one base64 word that holds just that key, and a comment of printable characters.
/// Options cannot be in it, because it starts with its type.
public struct PublicKey: Hashable, Sendable {
  public let type: String
  /// The base64 word.
  public let word: String
  public let comment: String
  /// What the base64 word stands for.
  let blob: [UInt8]

  /// The line of authorized_keys, without its line break.
  public var line: String { comment.isEmpty ? "\(type) \(word)" : "\(type) \(word) \(comment)" }

  /// For people: what is enough to know it by.
  var name: String { comment.isEmpty ? "\(type) …\(word.suffix(12))" : "\(type) \(comment)" }

  /// - Throws: What is wrong with it, in one sentence that quotes no more than the type.
  public init(_ bytes: [UInt8]) throws(AgentError) {
    guard bytes.count <= Bounds.keyBytes else {
      throw AgentError("longer than \(Bounds.keyBytes) bytes")
    }
    // A leaf of EC2's tree may end in one line break; any other is a second line.
    var bytes = bytes[...]
    if bytes.last == 0x0A {
      bytes.removeLast()
      if bytes.last == 0x0D { bytes.removeLast() }
    }
    guard !bytes.isEmpty else { throw AgentError("empty") }
    let text = String(decoding: bytes, as: UTF8.self)
    guard Array(text.utf8) == Array(bytes) else { throw AgentError("not UTF-8") }
    guard text.unicodeScalars.allSatisfy({ PublicKey.isPrintable($0) }) else {
      throw AgentError("line breaks or control characters in it")
    }
    let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
    guard let type = words.first.map(String.init), KeyType(name: type) != nil else {
      throw AgentError(
        "\(AgentError.quote((words.first ?? "").utf8)) is no type of key that OpenSSH takes")
    }
    guard words.count > 1 else { throw AgentError("no key after '\(type)'") }
    let word = String(words[1])
    guard let blob = Data(base64Encoded: word), Data(blob).base64EncodedString() == word else {
      throw AgentError("what follows '\(type)' is not base64")
    }
    self.type = type
    self.word = word
    self.blob = Array(blob)
    comment = words.count > 2 ? String(words[2]).trimmed : ""
    try KeyType(name: type)?.check(self.blob)
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned,
      .privateUse:
      false
    default: true
    }
  }
}

extension String {
  /// Without spaces at its ends.
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

/// The types of key that authorized_keys may hold, and how each one's blob is made up (RFC 4253,
/// 5656, 8709; OpenSSH's PROTOCOL.u2f). DSA is gone from OpenSSH, and certificates mean nothing in
/// authorized_keys.
enum KeyType {
  case rsa
  case ed25519(isSecurityKey: Bool)
  case ecdsa(curve: String, coordinateBytes: Int, isSecurityKey: Bool)

  init?(name: String) {
    switch name {
    case "ssh-rsa": self = .rsa
    case "ssh-ed25519": self = .ed25519(isSecurityKey: false)
    case "sk-ssh-ed25519@openssh.com": self = .ed25519(isSecurityKey: true)
    case "ecdsa-sha2-nistp256":
      self = .ecdsa(curve: "nistp256", coordinateBytes: 32, isSecurityKey: false)
    case "ecdsa-sha2-nistp384":
      self = .ecdsa(curve: "nistp384", coordinateBytes: 48, isSecurityKey: false)
    case "ecdsa-sha2-nistp521":
      self = .ecdsa(curve: "nistp521", coordinateBytes: 66, isSecurityKey: false)
    case "sk-ecdsa-sha2-nistp256@openssh.com":
      self = .ecdsa(curve: "nistp256", coordinateBytes: 32, isSecurityKey: true)
    default: return nil
    }
  }

  private var name: String {
    switch self {
    case .rsa: "ssh-rsa"
    case .ed25519(let isSecurityKey): isSecurityKey ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519"
    case .ecdsa(let curve, _, let isSecurityKey):
      isSecurityKey ? "sk-ecdsa-sha2-\(curve)@openssh.com" : "ecdsa-sha2-\(curve)"
    }
  }

  func check(_ blob: [UInt8]) throws(AgentError) {
    var fields = BlobReader(blob)
    guard let inner = fields.next(), inner == Array(name.utf8)[...] else {
      throw AgentError("the key inside is not of the type '\(name)'")
    }
    switch self {
    case .rsa:
      _ = try RSAParts(&fields)
    case .ed25519(let isSecurityKey):
      guard fields.next()?.count == 32 else { throw AgentError("an Ed25519 key has 32 bytes") }
      if isSecurityKey { try checkApplication(&fields) }
    case .ecdsa(let curve, let coordinateBytes, let isSecurityKey):
      guard fields.next() == Array(curve.utf8)[...] else {
        throw AgentError("the curve inside is not \(curve)")
      }
      guard let point = fields.next(), point.count == 1 + 2 * coordinateBytes, point.first == 4
      else { throw AgentError("no uncompressed point of \(curve) in it") }
      if isSecurityKey { try checkApplication(&fields) }
    }
    guard fields.isAtEnd else { throw AgentError("bytes after the key's end") }
  }

  private func checkApplication(_ fields: inout BlobReader) throws(AgentError) {
    guard let application = fields.next(), !application.isEmpty else {
      throw AgentError("a security key's application is missing")
    }
  }
}

/// An RSA key's exponent and modulus, as big-endian numbers without leading zeros.
struct RSAParts {
  let exponent: ArraySlice<UInt8>
  let modulus: ArraySlice<UInt8>

  init(_ fields: inout BlobReader) throws(AgentError) {
    guard let exponent = fields.nextNumber(), let modulus = fields.nextNumber() else {
      throw AgentError("an RSA key is an exponent and a modulus")
    }
    guard exponent.count <= 8, exponent.last.map({ $0 & 1 == 1 }) == true, exponent != [1] else {
      throw AgentError("the exponent of an RSA key is odd, greater than 1 and short")
    }
    // OpenSSH refuses less than 1024 and more than 16,384 bits.
    guard (128...2048).contains(modulus.count) else {
      throw AgentError("an RSA key has 1024 to 16384 bits")
    }
    self.exponent = exponent
    self.modulus = modulus
  }
}

/// Fields of a key's blob: four bytes of length, then as many bytes.
struct BlobReader {
  private var rest: ArraySlice<UInt8>

  init(_ blob: [UInt8]) { rest = blob[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func next() -> ArraySlice<UInt8>? {
    guard rest.count >= 4 else { return nil }
    let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard length <= rest.count - 4 else { return nil }
    let field = rest.dropFirst(4).prefix(length)
    rest = rest.dropFirst(4 + length)
    return field
  }

  /// A positive number in its shortest form.
  mutating func nextNumber() -> ArraySlice<UInt8>? {
    guard let field = next(), let first = field.first, first < 0x80 else { return nil }
    guard first == 0 else { return field }
    let number = field.dropFirst()
    guard let high = number.first, high >= 0x80 else { return nil }
    return number
  }
}

/// The name or UUID that a network is declared under: `[a-z0-9.-]`, 1 to 64 characters.
public struct NetworkID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let text: String

  public init?(_ text: String) {
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(NetworkID.allows) else {
      return nil
    }
    self.text = text
  }

  /// Takes a text that was an id before.
  init(trusted text: String) { self.text = text }

  /// The network that always exists; an interface that names none is on it.
  public static let `default` = NetworkID(trusted: "default")

  public var description: String { text }

  public static func < (left: NetworkID, right: NetworkID) -> Bool { left.text < right.text }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

/// What identifies a key pair: its name within its project. In text `PROJECT/NAME`, or `NAME`
/// where it belongs to no project.
public struct KeyPairID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let project: String?
  public let name: String

  public init(project: String?, name: String) {
    self.project = project
    self.name = name
  }

  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty }), let name = parts.last else { return nil }
    self.init(project: parts.count == 2 ? String(parts[0]) : nil, name: String(name))
  }

  public var description: String { project.map { "\($0)/\(name)" } ?? name }

  public static func < (left: KeyPairID, right: KeyPairID) -> Bool {
    (left.project ?? "", left.name) < (right.project ?? "", right.name)
  }
}

/// Rules for names, told in the words of the error that breaks them.
enum NameRule {
  /// A project's or user's id: what Keystone gives, or any word without spaces and slashes.
  static func identifier(_ text: String) -> String? {
    guard hasNameLength(text) else {
      return "must have 1 to \(Limits.maximumNameCharacters) characters"
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
      return "must be printable ASCII without spaces and slashes"
    }
    return nil
  }

  /// One line of text of a bounded length, such as a display name.
  static func line(_ text: String) -> String? {
    guard hasNameLength(text) else {
      return "must have 1 to \(Limits.maximumNameCharacters) characters"
    }
    guard !text.hasControlCharacters else {
      return "must not contain line breaks or control characters"
    }
    return nil
  }

  /// Characters are counted only where there are more bytes than characters may be: counting takes long.
  private static func hasNameLength(_ text: String) -> Bool {
    !text.isEmpty && isWithin(Limits.maximumNameCharacters, text)
  }

  static func isWithin(_ characters: Int, _ text: String) -> Bool {
    text.utf8.count <= characters || text.count <= characters
  }

  /// A key pair's name: a line that can stand in a listing and in an id.
  static func keyPair(_ text: String) -> String? {
    if let problem = line(text) { return problem }
    if text.utf8.contains(UInt8(ascii: "/")) { return "must not contain a slash" }
    if text != text.trimmed { return "must not start or end with a space" }
    return nil
  }

  /// A host name or domain (RFC 1123): labels of letters, digits, `-` and, as hosts in the field
  /// have it, `_`; each 1 to 63 characters.
  static func hostname(_ text: String) -> String? {
    guard (1...Limits.maximumHostnameCharacters).contains(text.utf8.count) else {
      return "must have 1 to \(Limits.maximumHostnameCharacters) characters"
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      guard (1...63).contains(label.utf8.count), label.utf8.allSatisfy(allowsInHostname),
        label.utf8.first != UInt8(ascii: "-"), label.utf8.last != UInt8(ascii: "-")
      else {
        return "must be labels of letters, digits and '-' between dots, each 1 to 63 long"
      }
    }
    return nil
  }

  /// A leaf of a listing: one path segment.
  static func pathSegment(_ text: String) -> String? {
    if let problem = line(text) { return problem }
    if text.hasByte(where: { $0 == UInt8(ascii: "/") }) || text == "." || text == ".." {
      return "must not be a path"
    }
    return nil
  }

  /// The same of a text of which mostly no `String` has to be made.
  static func pathSegment(_ text: ByteText) -> String? {
    // Words of letters, digits and the usual signs break no rule, unless they are long or two dots.
    let isWord = unsafe text.withUnsafeBytes { bytes in
      unsafe bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    }
    let isShort = (3...Limits.maximumNameCharacters).contains(text.count)
    return isWord && isShort ? nil : pathSegment(text.string)
  }

  private static func allowsInHostname(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

extension String {
  /// Whether there is a line break, a NUL or another ASCII control character in it.
  var hasControlCharacters: Bool { hasByte { $0 < 0x20 || $0 == 0x7F } }

  /// Whether one of its bytes is such a one. Bytes that lie together are looked through in a fraction of
  /// the time.
  fileprivate func hasByte(where isSuch: (UInt8) -> Bool) -> Bool {
    unsafe utf8.withContiguousStorageIfAvailable { unsafe $0.contains(where: isSuch) }
      ?? utf8.contains(where: isSuch)
  }

  /// Without spaces, tabs and line breaks at the ends.
  package var trimmed: String {
    if let first = utf8.first, let last = utf8.last, first > 0x20, first < 0x7F, last > 0x20,
      last < 0x7F
    {
      return self
    }
    let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
    let scalars = unicodeScalars.drop(while: isBlank)
    guard let last = scalars.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(scalars[...last])
  }
}

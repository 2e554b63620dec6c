public import Inventory

/// Which namespaces a listener is for: one name, or a name with `{network}` in it that stands for
/// a network's id.
public struct NamespacePattern: Sendable, Hashable, CustomStringConvertible {
  /// Stands for the id of a network.
  public static let placeholder = "{network}"

  private let prefix: String
  /// What follows the placeholder; nil where there is none.
  private let suffix: String?

  /// Why a text is no pattern.
  public struct Mistake: Error, Sendable, Hashable {
    public let message: String
  }

  public init(_ text: String) throws(Mistake) {
    guard NamespaceScan.isName(text), !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else {
      throw Mistake(
        message: "must be a name as in `ip netns list`, of 1 to 255 bytes and without slashes")
    }
    let parts = text.split(separator: Self.placeholder, omittingEmptySubsequences: false)
    guard parts.count <= 2, !parts.contains(where: { $0.contains { $0 == "{" || $0 == "}" } })
    else {
      throw Mistake(
        message: "'\(text)' may have \(Self.placeholder) once, and no other braces")
    }
    prefix = parts.first.map(String.init) ?? ""
    suffix = parts.count == 2 ? String(parts[1]) : nil
  }

  /// Whether the name says which network the namespace is.
  public var namesNetwork: Bool { suffix != nil }

  /// The one name that is meant, where there is no placeholder.
  public var name: String? { suffix == nil ? prefix : nil }

  public var description: String { suffix.map { prefix + Self.placeholder + $0 } ?? prefix }

  public enum Match: Sendable, Hashable {
    case no
    /// It matches, and says nothing of a network.
    case yes
    case network(NetworkID)
  }

  /// Whether a namespace's name matches, and with which network. Bytes are compared: names that
  /// only look alike are different names.
  public func match(_ name: String) -> Match {
    guard let suffix else { return name.utf8.elementsEqual(prefix.utf8) ? .yes : .no }
    let bytes = Array(name.utf8)
    let head = Array(prefix.utf8)
    let tail = Array(suffix.utf8)
    guard bytes.count > head.count + tail.count, bytes.starts(with: head),
      bytes.suffix(tail.count).elementsEqual(tail)
    else { return .no }
    let middle = bytes[head.count..<(bytes.count - tail.count)]
    return NetworkID(String(decoding: middle, as: UTF8.self)).map(Match.network) ?? .no
  }
}

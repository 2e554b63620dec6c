import CNetworkNamespace
import Glibc

/// The namespaces that have a name, at one moment.
public struct NamespaceScan: Sendable, Hashable {
  /// Where `ip netns` keeps the names (ip-netns(8)).
  public static let defaultDirectory = "/run/netns"
  /// A host has at most some thousands; more would be read for longer than one may take.
  public static let maximumNames = 16_384

  /// Each namespace under each of its names.
  public var namespaces: [String: NamespaceIdentity]
  /// Why this is not all there is, in words; nil where it is.
  public var problem: String?

  public init(namespaces: [String: NamespaceIdentity], problem: String? = nil) {
    self.namespaces = namespaces
    self.problem = problem
  }

  /// Looks into a directory. Only network namespaces' files count, and links to them: `ip netns
  /// add` makes an empty file first and mounts the namespace over it.
  public init(directory: String) {
    self.init(namespaces: [:])
    guard let stream = unsafe opendir(directory) else {
      // Until the first `ip netns add` there is none.
      if errno != ENOENT { problem = NamespaceScan.problem(directory) }
      return
    }
    defer { unsafe closedir(stream) }
    var count = 0
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard NamespaceScan.isName(name) else { continue }
      count += 1
      guard count <= NamespaceScan.maximumNames else {
        problem = "\(directory) has more than \(NamespaceScan.maximumNames) names; remove some"
        return
      }
      if let identity = NamespaceScan.identity(of: "\(directory)/\(name)") {
        namespaces[name] = identity
      }
    }
  }

  private static func problem(_ directory: String) -> String {
    let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "error \(errno)"
    return "\(directory) cannot be read: \(reason)"
  }

  /// The namespace that a path leads to now; nil where it is none.
  static func identity(of path: String) -> NamespaceIdentity? {
    let file = unsafe np_open_to_look(path)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return NamespaceIdentity(descriptor: file)
  }

  /// Whether a text can be a namespace's name: one component of a path.
  public static func isName(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count) && text != "." && text != ".."
      && !text.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// Whether a text can be an interface's name (the kernel's dev_valid_name).
  public static func isDeviceName(_ text: String) -> Bool {
    (1...15).contains(text.utf8.count) && text != "." && text != ".."
      && text.utf8.allSatisfy {
        $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
      }
  }
}

/// What happened to a name.
public enum NamespaceChange: Sendable, Hashable {
  case removed(String, NamespaceIdentity)
  case added(String, NamespaceIdentity)
}

extension NamespaceScan {
  /// What leads from one set to another, by name: what is removed comes first. A name that stands
  /// for another namespace now is removed, then added.
  public func changes(since old: NamespaceScan) -> [NamespaceChange] {
    let removed = old.namespaces.filter { namespaces[$0.key] != $0.value }
    let added = namespaces.filter { old.namespaces[$0.key] != $0.value }
    return removed.sorted { $0.key < $1.key }.map { .removed($0.key, $0.value) }
      + added.sorted { $0.key < $1.key }.map { .added($0.key, $0.value) }
  }
}

import CHostNetwork
import Glibc

/// The namespaces that have a name, at one moment.
public struct NamespaceScan: Sendable, Hashable {
  /// Where `ip netns` keeps the names (ip-netns(8)).
  public static let defaultDirectory = "/run/netns"
  /// A host has at most some thousands; more would be read for longer than one may take.
  public static let maximumNames = 16_384

  /// Each namespace under each of its names.
  public var namespaces: [String: NamespaceIdentity]
  /// What an operator should see to, in words.
  public var problem: String?
  /// Whether this is all there is. What is missing in a look that failed is not gone.
  public var isComplete = true

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
      if errno != ENOENT { fail(NamespaceScan.problem(directory, errno)) }
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
        fail("\(directory) has more than \(NamespaceScan.maximumNames) names; remove some")
        return
      }
      look(at: name, in: directory)
    }
  }

  private mutating func look(at name: String, in directory: String) {
    let path = "\(directory)/\(name)"
    let file = unsafe np_open_to_look(path)
    guard file >= 0 else {
      // Gone since it was listed, or a link to nothing. All else, such as too many open files,
      // says nothing of the namespace.
      if ![ENOENT, ENOTDIR, ELOOP].contains(errno) { fail(NamespaceScan.problem(path, errno)) }
      return
    }
    defer { close(file) }
    namespaces[name] = NamespaceIdentity(descriptor: file)
  }

  private mutating func fail(_ problem: String) {
    self.problem = problem
    isComplete = false
  }

  private static func problem(_ path: String, _ code: Int32) -> String {
    "\(path) cannot be read: \(NamespaceWatcher.reason(code))"
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

import CHostNetwork
import Glibc
public import Inventory

/// A listening TCP socket that is open in this process, and what the kernel says of it.
public struct ListeningSocket: Sendable {
  public let descriptor: Int32
  public let address: IPAddress
  public let port: Int
  /// The interface that connections must come in by.
  public let device: String?
  /// The network namespace that it is in; nil where the kernel does not tell this process
  /// (CAP_NET_ADMIN).
  public let namespace: NamespaceIdentity?
  /// Whether that is this process's own.
  public let isHere: Bool

  /// Looks at an open file; nil where it is no listening TCP socket.
  public init?(descriptor: Int32) {
    var listener = np_listener()
    guard unsafe np_look_at_listener(descriptor, &listener) == 0 else { return nil }
    self.descriptor = descriptor
    port = Int(listener.port)
    let bytes = unsafe withUnsafeBytes(of: &listener.address) { unsafe Array($0) }
    address =
      listener.is_ipv4 != 0
      ? .v4(bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
      : .v6(
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
        bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    let name = unsafe withUnsafeBytes(of: &listener.device) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    device = name.isEmpty ? nil : name
    namespace = ListeningSocket.namespace(of: descriptor)
    isHere = ListeningSocket.isHere(descriptor, namespace)
  }

  private static func namespace(of socket: Int32) -> NamespaceIdentity? {
    let file = np_open_network_namespace_of_socket(socket)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return NamespaceIdentity(descriptor: file)
  }

  /// Compares with a new socket of this process, by what the kernel tells everybody or, before
  /// Linux 5.14, those that may ask for the namespace.
  private static func isHere(_ socket: Int32, _ namespace: NamespaceIdentity?) -> Bool {
    let own = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard own >= 0 else { return false }
    defer { close(own) }
    let cookie = np_network_namespace_cookie(socket)
    if cookie != 0 { return cookie == np_network_namespace_cookie(own) }
    return namespace != nil && namespace == ListeningSocket.namespace(of: own)
  }

  /// All that this process has, each opened once more. They stay good where the process closes its
  /// own meanwhile.
  public static func all() -> [ListeningSocket] {
    var seen: Set<ino_t> = []
    return openDescriptors().compactMap { descriptor in
      var listener = np_listener()
      guard unsafe np_look_at_listener(descriptor, &listener) == 0 else { return nil }
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { return nil }
      // Looked at again: a number may have become another file's, also one of the copies.
      var status = stat()
      if unsafe fstat(copy, &status) == 0, seen.insert(status.st_ino).inserted,
        let socket = ListeningSocket(descriptor: copy)
      {
        return socket
      }
      close(copy)
      return nil
    }
  }

  private static func openDescriptors() -> [Int32] {
    guard let stream = unsafe opendir("/proc/self/fd") else { return [] }
    defer { unsafe closedir(stream) }
    var numbers: [Int32] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers
  }
}

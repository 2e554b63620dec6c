import Foundation
import Glibc

/// Addresses of sockets, as the system calls take them.
enum SocketAddress {
  static func with<Result>(
    _ text: String, port: Int, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    unsafe inet_pton(AF_INET, text, &address.sin_addr)
    return unsafe generic(&address, body)
  }

  /// A Unix socket's.
  static func with<Result>(
    path: String, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) {
      unsafe $0.copyBytes(from: path.utf8.prefix($0.count - 1))
    }
    return unsafe generic(&address, body)
  }

  private static func generic<Address, Result>(
    _ address: inout Address, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  /// A socket that is bound to a port.
  /// - Parameters:
  ///   - port: 0 for one that nobody has.
  ///   - isReusable: Whether others that allow it as well can have the port, too, until one listens.
  static func bound(
    to address: String = "127.0.0.1", port: Int = 0, isReusable: Bool = false
  ) throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var reuse: Int32 = isReusable ? 1 : 0
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var name = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe with(address, port: port) { unsafe bind(descriptor, $0, $1) } == 0
    let isNamed = unsafe generic(&name) { pointer, _ in
      unsafe getsockname(descriptor, pointer, &length) == 0
    }
    guard isBound, isNamed else {
      close(descriptor)
      throw Program.Failed(text: "no free port")
    }
    return (descriptor, Int(UInt16(bigEndian: name.sin_port)))
  }

  /// A Unix socket that listens and takes no connection.
  static func listening(at path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let isBound = unsafe with(path: path) { unsafe bind(descriptor, $0, $1) } == 0
    guard isBound, listen(descriptor, 16) == 0 else {
      close(descriptor)
      throw Program.Failed(text: "\(path) cannot be listened at")
    }
    return descriptor
  }

  /// A connected socket.
  static func connected(to port: Int, at address: String = "127.0.0.1", from source: String? = nil)
    throws -> Int32
  {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var result: Int32 = 0
    if let source { result = unsafe with(source, port: 0) { unsafe bind(descriptor, $0, $1) } }
    if result == 0 {
      result = unsafe with(address, port: port) { unsafe connect(descriptor, $0, $1) }
    }
    guard result == 0 else {
      let reason = unsafe String(cString: strerror(errno))
      close(descriptor)
      throw Program.Failed(text: "no connection to \(port): \(reason)")
    }
    return descriptor
  }
}

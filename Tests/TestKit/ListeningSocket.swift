import CHostNetwork
import Glibc

/// A TCP socket that listens, in the calling thread's network namespace.
enum ListeningSocket {
  /// - Parameter device: The interface that it is bound to; the address need not be there yet.
  static func open(
    _ address: String, port: UInt16, device: String?
  ) throws -> (descriptor: Int32, port: UInt16) {
    var wanted = unsafe addrinfo()
    unsafe wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    unsafe wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let zone = address.hasPrefix("fe80") ? device.map { "%\($0)" } ?? "" : ""
    let code = unsafe getaddrinfo(address + zone, "\(port)", &wanted, &found)
    guard code == 0, let info = unsafe found?.pointee else {
      throw ChildProcess.Failed("\(address): \(unsafe String(cString: gai_strerror(code)))")
    }
    defer { unsafe freeaddrinfo(found) }
    let descriptor = unsafe socket(
      info.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    set(descriptor, SOL_SOCKET, SO_REUSEADDR)
    if let device {
      unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_BINDTODEVICE, device, socklen_t(device.utf8.count))
      if unsafe info.ai_family == AF_INET {
        set(descriptor, Int32(IPPROTO_IP), np_ip_freebind)
      } else {
        set(descriptor, Int32(IPPROTO_IPV6), np_ipv6_freebind)
      }
    }
    guard unsafe bind(descriptor, info.ai_addr, info.ai_addrlen) == 0, listen(descriptor, 200) == 0
    else {
      let reason = unsafe String(cString: strerror(errno))
      close(descriptor)
      throw ChildProcess.Failed("nothing can listen at \(address), port \(port): \(reason)")
    }
    return (descriptor, unsafe name { unsafe getsockname(descriptor, $0, $1) }.port)
  }

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
    var yes: Int32 = 1
    unsafe setsockopt(descriptor, level, option, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  /// An end of a connection, without a zone; empty where there is none.
  static func name(
    _ get: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (host: String, port: UInt16) {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var (host, port) = ([CChar](repeating: 0, count: 100), [CChar](repeating: 0, count: 10))
    let isKnown = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe get($0, &length) == 0
          && getnameinfo(
            $0, length, &host, socklen_t(host.count), &port, socklen_t(port.count),
            NI_NUMERICHOST | NI_NUMERICSERV) == 0
      }
    }
    guard isKnown else { return ("", 0) }
    return (text(host[...].prefix { $0 != CChar(UInt8(ascii: "%")) }), UInt16(text(port[...])) ?? 0)
  }

  private static func text(_ name: ArraySlice<CChar>) -> String {
    String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

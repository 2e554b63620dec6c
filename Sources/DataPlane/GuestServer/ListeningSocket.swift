import CEventLoop
import Glibc
import Inventory

/// A socket that listens for guests.
struct ListeningSocket: Sendable {
  let descriptor: CInt
  /// The address that it is bound to; nil where that is every one.
  let address: IPAddress?
  let port: Int

  /// Connections that the kernel holds until they are accepted: a rack that boots at once. The
  /// kernel lowers it to its own limit, net.core.somaxconn.
  static let backlog: CInt = 4096

  /// Opens a socket, or takes over the one that was handed over; that one is closed on each way out
  /// but the good one.
  static func open(_ configuration: ListenerConfiguration) throws(ListenError) -> ListeningSocket {
    let setup = SocketSetup(configuration: configuration)
    let descriptor = try setup.descriptor()
    do throws(ListenError) {
      try configuration.fileDescriptor == nil ? setup.bind(descriptor) : setup.adopt(descriptor)
      try setup.listen(descriptor)
      var local = np_address()
      guard unsafe np_local_address(descriptor, &local) == 0 else {
        throw ListenError(configuration, code: errno)
      }
      let address = IPAddress(upper: local.upper, lower: local.lower)
      return ListeningSocket(
        descriptor: descriptor, address: address.isUnicast ? address : nil,
        port: Int(local.port))
    } catch {
      if configuration.fileDescriptor == nil {
        close(descriptor)
      } else {
        configuration.closeDescriptor()
      }
      throw error
    }
  }
}

/// The steps on the way to a socket that listens.
private struct SocketSetup {
  let configuration: ListenerConfiguration

  private var isIPv4: Bool { configuration.address.isIPv4 }

  /// The socket, before anything is asked of it.
  func descriptor() throws(ListenError) -> CInt {
    if let descriptor = configuration.fileDescriptor { return descriptor }
    guard (0...65_535).contains(configuration.port) else {
      throw ListenError(configuration, reason: "a port is a number from 1 to 65535")
    }
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    return try check(socket(isIPv4 ? AF_INET : AF_INET6, CInt(type), 0))
  }

  /// Makes sure that a descriptor is a listening TCP socket.
  func adopt(_ descriptor: CInt) throws(ListenError) {
    guard option(SO_ACCEPTCONN, of: descriptor) == 1,
      option(SO_PROTOCOL, of: descriptor) == CInt(IPPROTO_TCP)
    else {
      throw ListenError(
        configuration,
        reason: "the socket that was handed over is no listening TCP socket; check the"
          + " .socket unit")
    }
    let flags = try check(fcntl(descriptor, F_GETFL))
    try check(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK))
  }

  func bind(_ descriptor: CInt) throws(ListenError) {
    try set(SOL_SOCKET, SO_REUSEADDR, 1, of: descriptor)
    if !isIPv4 {
      // IPv4 guests have listeners of their own; here they would be the same guests by another name.
      try set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1, of: descriptor)
    }
    if let device = configuration.device {
      guard (1...15).contains(device.utf8.count), !device.utf8.contains(0) else {
        throw ListenError(configuration, reason: "'\(device)' is no interface's name")
      }
      let name = Array(device.utf8) + [0]
      try check(
        unsafe setsockopt(
          descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)))
      // The address need not be among the host's own: a local redirect keeps the metadata addresses
      // out of the table that says which are. IP_FREEBIND and, from linux/in6.h, IPV6_FREEBIND.
      try set(
        isIPv4 ? CInt(IPPROTO_IP) : CInt(IPPROTO_IPV6), isIPv4 ? 15 : 78, 1, of: descriptor)
    }
    try bindAddress(descriptor)
  }

  /// Has the socket listen. Connections inherit its options, which saves system calls for each.
  func listen(_ descriptor: CInt) throws(ListenError) {
    try set(CInt(IPPROTO_TCP), TCP_NODELAY, 1, of: descriptor)
    // A connection is there once the guest has asked something: one event and one turn for each, and
    // half the processor time. Who says nothing within a second is accepted all the same.
    try set(CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, 1, of: descriptor)
    try set(SOL_SOCKET, SO_RCVBUF, CInt(clamping: Limits.socketReceiveBytes), of: descriptor)
    try set(SOL_SOCKET, SO_SNDBUF, CInt(clamping: Limits.socketSendBytes), of: descriptor)
    try check(Glibc.listen(descriptor, ListeningSocket.backlog))
  }

  private func bindAddress(_ descriptor: CInt) throws(ListenError) {
    let port = in_port_t(clamping: configuration.port).bigEndian
    switch configuration.address {
    case .v4(let bits):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port
      address.sin_addr.s_addr = bits.bigEndian
      try bind(descriptor, to: &address)
    case .v6(let upper, let lower):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
        unsafe bytes.storeBytes(of: upper.bigEndian, as: UInt64.self)
        unsafe bytes.storeBytes(of: lower.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      address.sin6_scope_id = try zone()
      try bind(descriptor, to: &address)
    }
  }

  private func bind<Address>(_ descriptor: CInt, to address: inout Address) throws(ListenError) {
    let code = unsafe withUnsafeBytes(of: &address) { bytes in
      unsafe Glibc.bind(
        descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    try check(code)
  }

  /// The number of a link-local address' interface.
  private func zone() throws(ListenError) -> UInt32 {
    guard configuration.address.isLinkLocal else { return 0 }
    guard let name = configuration.zone ?? configuration.device else {
      throw ListenError(
        configuration, reason: "a link-local address needs the name of its interface")
    }
    let index = unsafe if_nametoindex(name)
    guard index > 0 else {
      throw ListenError(configuration, reason: "there is no interface '\(name)'")
    }
    return index
  }

  // MARK: Calls

  @discardableResult
  private func check(_ code: CInt) throws(ListenError) -> CInt {
    guard code >= 0 else { throw ListenError(configuration, code: errno) }
    return code
  }

  private func set(_ level: CInt, _ name: CInt, _ value: CInt, of descriptor: CInt)
    throws(ListenError)
  {
    var value = value
    try check(
      unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<CInt>.size)))
  }

  private func option(_ name: CInt, of descriptor: CInt) -> CInt? {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
  }
}

extension ListenerConfiguration {
  /// Closes the descriptor that was handed over, where there is one. The standard streams are never
  /// handed over.
  func closeDescriptor() {
    if let fileDescriptor, fileDescriptor > 2 { close(fileDescriptor) }
  }
}

import CHostNetwork
import Glibc
import Inventory

/// The steps from a name to a listening socket. They leave the calling thread in the namespace.
struct NamespaceSocketOpener {
  struct Opened: Sendable {
    let descriptor: Int32
    /// For questions about routes and neighbours there.
    let routes: Int32
    let identity: NamespaceIdentity
  }

  let request: NamespaceSocket.Request

  /// A rack that boots at once; the kernel lowers it to net.core.somaxconn.
  static let backlog: Int32 = 4096

  func open() -> Result<Opened, NamespaceSocketError> {
    do throws(NamespaceSocketError) {
      let identity: NamespaceIdentity
      do throws(NamespaceSocketError) {
        identity = try enter()
      } catch {
        if let inherited = request.inherited { close(inherited) }
        throw error
      }
      let descriptor =
        request.inherited
        ?? Glibc.socket(
          request.address.isIPv4 ? AF_INET : AF_INET6,
          Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            | Int32(SOCK_NONBLOCK.rawValue), 0)
      guard descriptor >= 0 else { throw failure("making a socket") }
      do throws(NamespaceSocketError) {
        if request.inherited == nil { try listen(descriptor) }
        try verify(descriptor, is: identity)
        return .success(
          Opened(descriptor: descriptor, routes: try openRoutes(identity), identity: identity))
      } catch {
        close(descriptor)
        throw error
      }
    } catch {
      return .failure(error)
    }
  }

  private func openRoutes(_ identity: NamespaceIdentity) throws(NamespaceSocketError) -> Int32 {
    let descriptor = np_open_route_socket()
    guard descriptor >= 0 else { throw failure("making a socket to ask for neighbours") }
    do throws(NamespaceSocketError) {
      try verify(descriptor, is: identity)
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// What errno says of a step; read before anything else is called.
  private func failure(_ step: String) -> NamespaceSocketError {
    NamespaceSocketError(request, step: step, code: errno)
  }

  private func enter() throws(NamespaceSocketError) -> NamespaceIdentity {
    guard NamespaceScan.isName(request.namespace) else {
      throw NamespaceSocketError(request, .missing)
    }
    let file = unsafe Glibc.open(request.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw NamespaceSocketError(request, .missing) }
      throw failure("opening \(request.path)")
    }
    defer { close(file) }
    guard let identity = NamespaceIdentity(descriptor: file) else {
      throw NamespaceSocketError(request, .notANetworkNamespace)
    }
    if let expected = request.expected, expected != identity {
      throw NamespaceSocketError(request, .replaced)
    }
    guard np_enter_network_namespace(file) == 0 else {
      if errno == EINVAL { throw NamespaceSocketError(request, .notANetworkNamespace) }
      throw failure("entering the namespace")
    }
    return identity
  }

  private func listen(_ descriptor: Int32) throws(NamespaceSocketError) {
    try set(descriptor, SOL_SOCKET, SO_REUSEADDR)
    // Connections inherit it, which saves a system call for each.
    try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
    if request.address.isIPv4 {
      try set(descriptor, Int32(IPPROTO_IP), np_ip_freebind)
    } else {
      // IPv4 guests have sockets of their own.
      try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY)
      try set(descriptor, Int32(IPPROTO_IPV6), np_ipv6_freebind)
    }
    if let device = request.device { try bind(descriptor, toDevice: device) }
    try bindAddress(descriptor)
    guard Glibc.listen(descriptor, Self.backlog) == 0 else { throw failure("listening") }
  }

  private func set(_ descriptor: Int32, _ level: Int32, _ option: Int32)
    throws(NamespaceSocketError)
  {
    var value: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe setsockopt(descriptor, level, option, &value, size) == 0 else {
      throw failure("setting option \(option) of the socket")
    }
  }

  private func bind(_ descriptor: Int32, toDevice device: String) throws(NamespaceSocketError) {
    try check(device)
    let name = Array(device.utf8)
    guard
      unsafe setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0
    else { throw failure("binding to the interface '\(device)'") }
  }

  private func check(_ device: String) throws(NamespaceSocketError) {
    guard NamespaceScan.isDeviceName(device) else {
      throw NamespaceSocketError(request, .notADeviceName(device))
    }
  }

  private func bindAddress(_ descriptor: Int32) throws(NamespaceSocketError) {
    let port = UInt16(truncatingIfNeeded: request.port).bigEndian
    let code: Int32
    switch request.address {
    case .v4(let bits):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port
      address.sin_addr.s_addr = bits.bigEndian
      code = bind(descriptor, &address)
    case .v6(let upper, let lower):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port
      address.sin6_scope_id = try scope()
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
        unsafe bytes.storeBytes(of: upper.bigEndian, toByteOffset: 0, as: UInt64.self)
        unsafe bytes.storeBytes(of: lower.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      code = bind(descriptor, &address)
    }
    guard code == 0 else { throw failure("binding to \(request.host)") }
  }

  private func bind<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
    unsafe withUnsafeBytes(of: &address) { bytes in
      guard let base = bytes.baseAddress else { return -1 }
      return unsafe Glibc.bind(
        descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }

  /// The number of a link-local address' interface in the namespace that the thread is in.
  private func scope() throws(NamespaceSocketError) -> UInt32 {
    guard request.address.isLinkLocal else { return 0 }
    guard let name = request.zone ?? request.device else {
      throw NamespaceSocketError(request, .needsDevice)
    }
    try check(name)
    let index = unsafe if_nametoindex(name)
    guard index > 0 else { throw NamespaceSocketError(request, .noDevice(name)) }
    return index
  }

  /// Asks the kernel where the socket is.
  private func verify(_ descriptor: Int32, is identity: NamespaceIdentity)
    throws(NamespaceSocketError)
  {
    let namespace = np_open_network_namespace_of_socket(descriptor)
    guard namespace >= 0 else { throw failure("asking for the socket's namespace") }
    defer { close(namespace) }
    guard NamespaceIdentity(descriptor: namespace) == identity else {
      throw NamespaceSocketError(request, .elsewhere)
    }
  }
}

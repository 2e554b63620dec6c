import Glibc

/// An address at which a metadata service may answer. Never a name: names come from DHCP.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
  /// As text, without a zone.
  let address: String
  /// The interface of a link-local address.
  let interface: String?
  let port: UInt16

  public var description: String {
    let zone = interface.map { "%\($0)" } ?? ""
    let host = address.contains(":") ? "[\(address)\(zone)]" : address
    return port == 80 ? host : "\(host):\(port)"
  }

  /// What goes into `Host`. A zone means something on this machine alone.
  var host: String {
    let host = address.contains(":") ? "[\(address)]" : address
    return port == 80 ? host : "\(host):\(port)"
  }

  init(address: String, interface: String? = nil, port: UInt16 = 80) {
    self.address = address
    self.interface = interface
    self.port = port
  }

  /// For `--endpoint`: `192.0.2.1`, `192.0.2.1:8775`, `[fd00::1]:80`, `fe80::1%eth0`.
  public init(reading text: String) throws(AgentError) {
    let mistake = AgentError(
      "'\(text)' is no address: write 169.254.169.254, 192.0.2.1:8775 or [fe80::1%eth0]:80")
    var host = text[...]
    var port: Substring = "80"
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { throw mistake }
      let rest = host[host.index(after: end)...]
      host = host[host.index(after: host.startIndex)..<end]
      if !rest.isEmpty {
        guard rest.hasPrefix(":") else { throw mistake }
        port = rest.dropFirst()
      }
    } else if host.count(where: { $0 == ":" }) == 1, let colon = host.firstIndex(of: ":") {
      port = host[host.index(after: colon)...]
      host = host[..<colon]
    }
    let parts = host.split(separator: "%", omittingEmptySubsequences: false)
    guard parts.count <= 2, let number = UInt16(port), number > 0 else { throw mistake }
    self.init(
      address: String(parts[0]), interface: parts.count > 1 ? String(parts[1]) : nil, port: number)
    guard family != nil else { throw mistake }
  }

  /// Where a service may be, the most trusted first: the address that the routing table leads to,
  /// then each link's own, then AWS' for IPv6.
  public static func candidates(only interface: String? = nil) -> [Endpoint] {
    var interfaces = Endpoint.interfaces()
    if let interface { interfaces = interfaces.filter { $0 == interface } }
    return [Endpoint(address: "169.254.169.254")]
      + interfaces.map { Endpoint(address: "fe80::a9fe:a9fe", interface: $0) }
      + [Endpoint(address: "fd00:ec2::254")]
  }

  /// The interfaces that are up, save the loopback, in the kernel's order.
  private static func interfaces() -> [String] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var names: [String] = []
    var next = unsafe list
    while let entry = unsafe next {
      let name = unsafe String(cString: entry.pointee.ifa_name)
      let flags = unsafe Int(entry.pointee.ifa_flags)
      let isUsable = flags & Int(IFF_UP) != 0 && flags & Int(IFF_LOOPBACK) == 0
      if isUsable, !names.contains(name), names.count < Bounds.interfaces { names.append(name) }
      unsafe next = entry.pointee.ifa_next
    }
    return names
  }

  var family: Int32? {
    var bytes = in6_addr()
    if unsafe inet_pton(AF_INET, address, &bytes) == 1 { return AF_INET }
    if unsafe inet_pton(AF_INET6, address, &bytes) == 1 { return AF_INET6 }
    return nil
  }

  /// Calls connect(2) on a socket; the error number, or 0.
  func connect(_ descriptor: Int32) -> Int32 {
    if family == AF_INET {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      unsafe inet_pton(AF_INET, self.address, &address.sin_addr)
      return Endpoint.connect(descriptor, &address)
    }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    unsafe inet_pton(AF_INET6, self.address, &address.sin6_addr)
    if let interface {
      address.sin6_scope_id = unsafe if_nametoindex(interface)
      guard address.sin6_scope_id != 0 else { return ENODEV }
    }
    return Endpoint.connect(descriptor, &address)
  }

  private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
    let length = socklen_t(MemoryLayout<Address>.size)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe Glibc.connect(descriptor, generic, length)
      }
    }
    return result == 0 ? 0 : errno
  }
}

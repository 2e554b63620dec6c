import CNIOLinux
import Glibc
public import Inventory

/// Where guests are listened to.
public struct ListenerConfiguration: Sendable, Hashable {
  public var address: IPAddress
  /// 0 for any free port.
  public var port: Int
  /// A network device to serve alone (SO_BINDTODEVICE), and the zone of a link-local address.
  public var device: String?
  /// The network whose guests arrive here; nil serves whatever is routed to the address.
  public var network: NetworkID?
  /// A socket that listens already, handed over by systemd.
  public var fileDescriptor: Int32?

  public init(
    address: IPAddress, port: Int, device: String? = nil, network: NetworkID? = nil,
    fileDescriptor: Int32? = nil
  ) {
    self.address = address
    self.port = port
    self.device = device
    self.network = network
    self.fileDescriptor = fileDescriptor
  }

  /// `10.0.0.4:8775`, `[fe80::a9fe:a9fe%eth0]:80`.
  public var endpoint: String {
    let zone = device.map { address.isLinkLocal ? "%\($0)" : "" } ?? ""
    return address.isIPv4 ? "\(address):\(port)" : "[\(address)\(zone)]:\(port)"
  }
}

/// Why a listener cannot be had, in words that say what to do.
public struct ListenError: Error, CustomStringConvertible, Sendable {
  public let description: String
}

/// Opens listening sockets. Done by hand rather than by NIO because a device must be set before
/// the address is bound.
enum ListeningSocket {
  static func open(_ configuration: ListenerConfiguration) throws(ListenError) -> Int32 {
    if let handedOver = configuration.fileDescriptor { return handedOver }
    let family = configuration.address.isIPv4 ? AF_INET : AF_INET6
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(family, type, 0)
    guard descriptor >= 0 else { throw error(configuration, "open a socket") }
    do {
      try prepare(descriptor, configuration)
      try bind(descriptor, configuration)
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func prepare(_ descriptor: Int32, _ configuration: ListenerConfiguration)
    throws(ListenError)
  {
    try set(descriptor, SOL_SOCKET, SO_REUSEADDR, configuration)
    if !configuration.address.isIPv4 {
      try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, configuration)
    }
    guard let device = configuration.device else { return }
    let name = Array(device.utf8)
    guard
      unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) == 0
    else { throw error(configuration, "bind to the device \(device)") }
  }

  private static func set(
    _ descriptor: Int32, _ level: Int32, _ option: Int32, _ configuration: ListenerConfiguration
  ) throws(ListenError) {
    var on: Int32 = 1
    guard
      unsafe setsockopt(
        descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size)) == 0
    else { throw error(configuration, "set a socket option") }
  }

  private static func bind(_ descriptor: Int32, _ configuration: ListenerConfiguration)
    throws(ListenError)
  {
    let port = in_port_t(truncatingIfNeeded: configuration.port).bigEndian
    let result: Int32
    switch configuration.address {
    case .v4(let bits):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port
      address.sin_addr.s_addr = bits.bigEndian
      result = bind(descriptor, &address)
    case .v6(let upper, let lower):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port
      let halves = [upper.bigEndian, lower.bigEndian]
      unsafe halves.withUnsafeBytes { halves in
        unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyMemory(from: halves) }
      }
      if configuration.address.isLinkLocal, let device = configuration.device {
        address.sin6_scope_id = unsafe if_nametoindex(device)
      }
      result = bind(descriptor, &address)
    }
    guard result == 0 else { throw error(configuration, "listen there") }
    guard listen(descriptor, 4096) == 0 else { throw error(configuration, "listen there") }
  }

  private static func bind<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
    unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe Glibc.bind(descriptor, generic, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  private static func error(_ configuration: ListenerConfiguration, _ action: String)
    -> ListenError
  {
    let advice =
      switch errno {
      case EADDRINUSE:
        "the port is taken; `ss -ltnp 'sport = :\(configuration.port)'` says by whom"
      case EADDRNOTAVAIL:
        "no interface of this host has the address; `ip address` lists them"
      case EACCES, EPERM:
        "a port under 1024 and a device need root or CAP_NET_BIND_SERVICE/CAP_NET_RAW"
      case ENODEV: "there is no such device; `ip link` lists them"
      case EMFILE, ENFILE: "too many open files; raise LimitNOFILE"
      default: unsafe String(cString: strerror(errno))
      }
    return ListenError(description: "\(configuration.endpoint): cannot \(action): \(advice)")
  }
}

import Glibc
public import Inventory

/// Where to listen, and whose guests come in there.
public struct ListenerConfiguration: Sendable, Hashable {
  public var address: IPAddress
  /// The interface of a link-local IPv6 address; without it, `device` is meant.
  public var zone: String?
  /// 0 has the system choose one.
  public var port: Int
  /// The interface that connections must come in by (SO_BINDTODEVICE).
  public var device: String?
  /// The network whose guests ask here; nil where whatever is routed here is served.
  public var network: NetworkID?
  /// A listening socket that is open already, as systemd hands it over. It is closed with the
  /// listener; `address` and `port` then only describe it.
  public var fileDescriptor: Int32?
  /// The name of the network namespace that this socket is in, for descriptions; nil for the
  /// process' own.
  public var namespace: String?

  public init(
    address: IPAddress, port: Int, device: String? = nil, network: NetworkID? = nil,
    zone: String? = nil, fileDescriptor: Int32? = nil, namespace: String? = nil
  ) {
    self.address = address
    self.port = port
    self.device = device
    self.network = network
    self.zone = zone
    self.fileDescriptor = fileDescriptor
    self.namespace = namespace
  }
}

extension ListenerConfiguration: CustomStringConvertible {
  /// The address and port as in a URL, the device and the namespace.
  public var description: String {
    let zone = self.zone.map { "%\($0)" } ?? ""
    let host = address.isIPv4 ? "\(address)" : "[\(address)\(zone)]"
    return "\(host):\(port)" + (device.map { " on \($0)" } ?? "")
      + (namespace.map { " in the namespace \($0)" } ?? "")
  }
}

/// Why a listener cannot listen, and what to do about it.
public struct ListenError: Error, Sendable, Hashable, CustomStringConvertible {
  public let listener: ListenerConfiguration
  /// The reason and the way out, in words.
  public let reason: String

  public var description: String { "cannot listen at \(listener): \(reason)" }

  init(_ listener: ListenerConfiguration, reason: String) {
    self.listener = listener
    self.reason = reason
  }

  /// - Parameter code: What the system says.
  init(_ listener: ListenerConfiguration, code: CInt) {
    self.init(listener, reason: ListenError.reason(code, listener))
  }

  private static func reason(_ code: CInt, _ listener: ListenerConfiguration) -> String {
    switch code {
    case EADDRINUSE:
      return "port \(listener.port) is in use; `ss -ltnp` shows by what. Stop that or set another"
        + " port"
    case EADDRNOTAVAIL:
      return "no interface of this host has the address; add it with `ip address add`, or set"
        + " another"
    case EACCES:
      return "the port needs a privilege; run as root or with CAP_NET_BIND_SERVICE, or set a port"
        + " above 1023"
    case EPERM: return "binding to a device needs a privilege; run as root or with CAP_NET_RAW"
    case ENODEV: return "there is no interface '\(listener.device ?? listener.zone ?? "")'"
    default:
      return systemReason(code)
    }
  }
}

import Glibc
import Inventory

/// Why no socket was opened in a namespace, and what to do about it.
public struct NamespaceSocketError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: Sendable, Hashable {
    /// There is no namespace of that name.
    case missing
    /// The name stands for another namespace than it was asked for.
    case replaced
    /// The file is there, and is no network namespace: still being made, or something else.
    case notANetworkNamespace
    /// The interface is not there.
    case noDevice(String)
    /// A link-local address without an interface.
    case needsDevice
    case notADeviceName(String)
    case addressInUse
    /// The kernel refused a step, for want of a privilege.
    case notPermitted(step: String)
    /// The kernel refused a step.
    case failed(step: String, code: Int32)
    /// The socket that the kernel made is in another namespace than it should be.
    case elsewhere
  }
  public let request: NamespaceSocket.Request
  public let reason: Reason

  init(_ request: NamespaceSocket.Request, _ reason: Reason) {
    self.request = request
    self.reason = reason
  }

  init(_ request: NamespaceSocket.Request, step: String, code: Int32) {
    self.request = request
    reason =
      switch code {
      case EADDRINUSE: .addressInUse
      case EPERM, EACCES: .notPermitted(step: step)
      case ENODEV, ENXIO: .noDevice(request.zone ?? request.device ?? "")
      default: .failed(step: step, code: code)
      }
  }

  /// Whether the name has changed since it was looked up, which is nobody's fault.
  public var isOutdated: Bool { reason == .missing || reason == .replaced }

  public var description: String {
    "cannot listen at \(request.endpoint) in the namespace '\(request.namespace)': \(words)"
  }

  /// The reason and the way out.
  public var words: String {
    let host = request.host
    switch reason {
    case .missing: return "there is no such namespace; `ip netns list` shows those that are there"
    case .replaced: return "the name stands for another namespace by now"
    case .notANetworkNamespace:
      return "\(request.path) is no network namespace; make it with `ip netns add`"
    case .noDevice(let name):
      return "there is no interface '\(name)' in it; `ip -n \(request.namespace) link` shows those"
        + " that are there"
    case .needsDevice:
      return "\(host) belongs to one link; name its interface with `device`"
    case .notADeviceName(let name): return "'\(name)' is no interface's name"
    case .addressInUse:
      return "something listens there already; `ip netns exec \(request.namespace) ss -ltnp` shows"
        + " what. Stop it or set another port"
    case .notPermitted(let step):
      return "\(step) needs a privilege; run as root or with CAP_SYS_ADMIN, CAP_NET_ADMIN and, for"
        + " ports below 1024, CAP_NET_BIND_SERVICE"
    case .failed(let step, let code):
      let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      return "\(step) failed: \(text)"
    case .elsewhere:
      return "the kernel made the socket in another namespace; it was closed"
    }
  }
}

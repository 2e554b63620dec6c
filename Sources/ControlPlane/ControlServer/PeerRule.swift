import Glibc
import NIOCore

/// Who may use the control socket. The file's mode keeps most out; this says it again for each
/// connection, by the uid that the kernel vouches for.
public struct PeerRule: Sendable, Hashable {
  /// The daemon's own user.
  public var ownUID: UInt32
  /// Users that the configuration names.
  public var allowedUIDs: Set<UInt32>

  public init(ownUID: UInt32, allowedUIDs: Set<UInt32>) {
    self.ownUID = ownUID
    self.allowedUIDs = allowedUIDs
  }

  /// Root, the daemon's own user and the users that were named; never one who is not known.
  public func allows(_ uid: UInt32?) -> Bool {
    guard let uid else { return false }
    return uid == 0 || uid == ownUID || allowedUIDs.contains(uid)
  }

  /// Who is at the other end of a Unix socket, as it was when it connected; nil where the kernel
  /// does not say.
  static func peer(of channel: any Channel) async -> PeerCredentials? {
    guard let provider = channel as? any SocketOptionProvider else { return nil }
    let option = NIOBSDSocket.Option(rawValue: SO_PEERCRED)
    let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
      level: .socket, name: option)
    return try? await credentials.get()
  }
}

/// The kernel's `struct ucred`.
struct PeerCredentials: Sendable {
  var pid: Int32
  var uid: UInt32
  var gid: UInt32
}

import ControlAPI
import Glibc
import Hummingbird
import NIOCore

/// Who may use the control socket. The file's mode says who may connect; the kernel's word for the
/// peer's user says so again, whatever became of the mode.
struct PeerRule: Sendable {
  private let allowed: Set<UInt32>

  init(allowed: Set<UInt32>) {
    self.allowed = allowed.union([0, getuid()])
  }

  func allows(uid: UInt32) -> Bool { allowed.contains(uid) }

  func check(_ channel: any Channel) async throws {
    guard let provider = channel as? any SocketOptionProvider else {
      throw PeerRule.refusal("The peer's user cannot be told.")
    }
    let credentials: PeerCredentials = try await provider.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED)
    ).get()
    guard allows(uid: credentials.uid) else {
      throw PeerRule.refusal(
        "The user \(credentials.uid) may not use this socket; control_allowed_uids says who may.")
    }
  }

  private static func refusal(_ detail: String) -> ControlProblem {
    ControlProblem(
      status: 403, type: "forbidden", title: "This user may not do that", detail: detail)
  }
}

/// The kernel's `struct ucred`, which C's headers hide from Swift.
struct PeerCredentials {
  var pid: Int32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0
}

/// A request's context, with the connection that it came over.
struct ControlContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

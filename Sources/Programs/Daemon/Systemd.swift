import Glibc

/// systemd's two protocols for services: sockets handed over at the start, and word of readiness
/// (sd_listen_fds(3), sd_notify(3)).
public struct Systemd: Sendable {
  /// The listening sockets that were handed over.
  public let listeningSockets: [Int32]
  private let notifySocket: String?

  public init(environment: [String: String]) {
    notifySocket = environment["NOTIFY_SOCKET"]
    guard let pid = environment["LISTEN_PID"].flatMap(Int32.init), pid == getpid(),
      let count = environment["LISTEN_FDS"].flatMap(Int32.init), (1...64).contains(count)
    else {
      listeningSockets = []
      return
    }
    listeningSockets = (3..<(3 + count)).filter { descriptor in
      // Not for the programs that we may start.
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
    }
  }

  /// Tells systemd a state, such as `READY=1`. Without systemd it does nothing.
  public func notify(_ state: String) {
    guard let notifySocket, let first = notifySocket.utf8.first else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var path = Array(notifySocket.utf8)
    // '@' stands for the NUL byte that starts an abstract name.
    if first == UInt8(ascii: "@") { path[0] = 0 }
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.count < capacity else { return }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let bytes = Array(state.utf8)
    _ = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), generic, length)
      }
    }
  }
}

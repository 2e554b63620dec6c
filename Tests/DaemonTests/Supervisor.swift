import Foundation
import Glibc
import TestKit

/// Does what systemd does for a unit with a socket and Type=notify: keeps the guests' listening
/// socket, hands it over as descriptor 3, and hears of readiness and of the stop.
final class Supervisor {
  let port: Int
  private let folder: String
  private let options: [String]
  private let listening: Int32
  private let notices: Int32
  private var child: ChildProcess?

  init(manifest: String, options: [String] = []) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
    self.options = options
    (listening, port) = try SocketAddress.bound()
    listen(listening, 4096)
    notices = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    _ = unsafe setsockopt(
      notices, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    guard unsafe SocketAddress.with(path: "\(folder)/notify", { unsafe bind(notices, $0, $1) }) == 0
    else { throw Program.Failed(text: "\(folder)/notify cannot be made") }
  }

  /// Starts the daemon; what it says of itself is read with ``notice()``.
  func start() throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { Glibc.close(null) }
    // The variable names the process that the socket is for, which only the process itself knows.
    child = try ChildProcess(
      [
        "sh", "-c", "LISTEN_PID=$$ exec \"$@\"", "sh", Program.path, "serve", "--state-directory",
        "\(folder)/state", "--control-socket", "\(folder)/c.sock", "--apply",
        "\(folder)/manifest.yaml",
      ] + options,
      environment: ["LISTEN_FDS": "1", "NOTIFY_SOCKET": "\(folder)/notify"],
      descriptors: [null, null, null, listening])
  }

  /// The next thing that the daemon says of itself, such as `READY=1`; empty after a minute without.
  func notice() async -> String {
    let notices = notices
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe recv(notices, &buffer, buffer.count, 0)
        continuation.resume(
          returning: String(decoding: buffer.prefix(max(0, count)), as: UTF8.self))
      }
    }
  }

  /// Asks the daemon to stop.
  func terminate() { child?.signal(SIGTERM) }

  /// The exit status, once it has ended.
  func ended() async -> Int32 { await child?.wait() ?? 0 }

  func close() {
    terminate()
    child?.waitHere()
    Glibc.close(listening)
    Glibc.close(notices)
    try? FileManager.default.removeItem(atPath: folder)
  }
}

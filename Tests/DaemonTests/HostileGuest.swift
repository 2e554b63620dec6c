import Foundation
import TestKit
import Testing

/// hostile-guest (Benchmarks/Sources/HostileGuest) at work; ended with ``stop()``.
final class HostileGuest {
  let child: ChildProcess
  private let lines = LogLines()
  private let output = Pipe()

  init(_ mode: String, against daemon: DaemonProcess, from source: String, options: [String] = [])
    throws
  {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    child = try ChildProcess(
      [Program.path("hostile-guest"), mode, "\(daemon.port)", source] + options,
      descriptors: [null, output.fileHandleForWriting.fileDescriptor, 2])
    try output.fileHandleForWriting.close()
    lines.read(output.fileHandleForReading)
  }

  /// Returns once the attack is under way, or fails where it has ended before.
  func isAttacking() async -> Bool { await lines.wait(for: "attacking") }

  func stop() {
    child.signal(SIGTERM)
    child.waitHere()
  }
}

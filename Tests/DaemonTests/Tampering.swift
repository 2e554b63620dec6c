import Foundation
import TestKit

/// A daemon's system calls changed on their way to the kernel, by strace.
final class Tampering {
  /// What becomes of a call.
  enum Fault: String {
    case killed = "signal=KILL"
    case noSpace = "error=ENOSPC"
    case broken = "error=EIO"
    case readOnly = "error=EROFS"
  }

  private let tracer: ChildProcess
  private let lines = LogLines()
  private let log = Pipe()

  /// Begins to tamper with a running daemon.
  /// - Parameters:
  ///   - calls: The system calls, all the store's: guests and operators are served by others.
  ///   - when: Which of each thread's calls, such as `3` for the third and `1+` for all.
  init(_ daemon: DaemonProcess, _ calls: String, _ fault: Fault, when: String) async throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    tracer = try ChildProcess(
      [
        "strace", "-f", "-p", "\(daemon.processIdentifier)", "-e", "trace=\(calls)",
        "-e", "inject=\(calls):\(fault.rawValue):when=\(when)",
      ],
      descriptors: [null, null, log.fileHandleForWriting.fileDescriptor])
    try log.fileHandleForWriting.close()
    lines.read(log.fileHandleForReading)
    guard await lines.wait(for: "attached") else {
      throw Program.Failed(text: "strace ended: \(lines.all)")
    }
  }

  /// Lets the daemon go on by itself.
  /// - Returns: How many calls were changed.
  @discardableResult
  func end() async -> Int {
    tracer.signal(SIGINT)
    _ = await tracer.wait()
    _ = await lines.wait(for: "nothing that is ever written")
    return lines.all.split(separator: "\n").count { $0.contains("(INJECTED)") }
  }

  /// Only where it is asked for: that a tracer has ended is not always noticed, and the test waits on.
  static let isPossible: Bool = {
    guard ProcessInfo.processInfo.environment["NAMEPLATE_TEST_FAULTS"] != nil else { return false }
    let output = try? ChildProcess.runHere(["strace", "-e", "trace=none", "true"])
    return output?.status == 0
  }()
}

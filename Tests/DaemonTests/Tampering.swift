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
    case interrupted = "error=EINTR"
    case again = "error=EAGAIN"
    case aborted = "error=ECONNABORTED"
    case reset = "error=ECONNRESET"
    case noMemory = "error=ENOMEM"
  }

  private let tracer: ChildProcess
  private let output: TracerOutput

  /// Begins to tamper with a running daemon.
  /// - Parameters:
  ///   - calls: The system calls.
  ///   - when: Which of each thread's calls, such as `3` for the third and `1+` for all.
  ///   - path: The only file whose calls count; all where there is none.
  init(
    _ daemon: DaemonProcess, _ calls: String, _ fault: Fault, when: String, path: String? = nil
  ) async throws {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw Program.Failed(text: "no pipe") }
    // Not for other programs: the end is heard only when nobody else can write.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    output = TracerOutput(descriptor: ends[0])
    defer {
      close(null)
      close(ends[1])
    }
    tracer = try ChildProcess(
      [
        "strace", "-f", "-p", "\(daemon.processIdentifier)", "-e", "trace=\(calls)",
        "-e", "inject=\(calls):\(fault.rawValue):when=\(when)",
      ] + (path.map { ["-P", $0] } ?? []),
      descriptors: [null, null, ends[1]])
    let said = await output.read(until: "attached")
    guard said.contains("attached") else { throw Program.Failed(text: "strace ended: \(said)") }
  }

  /// Lets the daemon go on by itself.
  /// - Returns: How many calls were changed.
  @discardableResult
  func end() async -> Int {
    tracer.signal(SIGINT)
    _ = await tracer.wait()
    return await output.read(until: nil).split(separator: "\n").count { $0.contains("(INJECTED)") }
  }
}

/// What strace says, read by a thread that may block. One reader at a time.
private final class TracerOutput: @unchecked Sendable {
  private let descriptor: Int32
  private var text = ""

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// All that was said, once it has a word or, without one, to its end.
  func read(until word: String?) async -> String {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while word.map({ !self.text.contains($0) }) ?? true {
          let count = unsafe Foundation.read(self.descriptor, &buffer, buffer.count)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { break }
          self.text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        continuation.resume(returning: self.text)
      }
    }
  }
}

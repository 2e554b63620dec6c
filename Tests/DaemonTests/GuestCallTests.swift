import Foundation
import TestKit
import Testing

@Suite("System calls of the guests' side that fail", .serialized, .timeLimit(.minutes(5)))
struct GuestCallTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let call: String
    let fault: Tampering.Fault
    /// Whether a guest whose connection meets it may be closed on; else it must not notice.
    let mayClose: Bool

    var testDescription: String { "\(call), \(fault.rawValue)" }
  }

  static let cases = [
    Case(call: "epoll_wait", fault: .interrupted, mayClose: false),
    Case(call: "accept4", fault: .interrupted, mayClose: false),
    Case(call: "accept4", fault: .aborted, mayClose: false),
    Case(call: "accept4", fault: .noMemory, mayClose: false),
    Case(call: "recvfrom", fault: .interrupted, mayClose: false),
    Case(call: "recvfrom", fault: .reset, mayClose: true),
    Case(call: "recvfrom", fault: .noMemory, mayClose: true),
    Case(call: "sendto", fault: .interrupted, mayClose: false),
    Case(call: "sendto", fault: .again, mayClose: false),
    Case(call: "sendto", fault: .reset, mayClose: true),
    Case(call: "epoll_ctl", fault: .noMemory, mayClose: true),
  ]

  @Test(
    "who does not meet the fault is answered, nobody wrongly, and nothing is left of it",
    .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
    arguments: cases)
  func fault(_ fault: Case) async throws {
    let daemon = try await DaemonProcess(
      manifest: HostileGuestTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    #expect(try await ask(daemon) == .answered)
    let filesBefore = try openFiles(daemon)
    // The second call of a thread and each third after it; the waits for events are not so many.
    let tampering = try await Tampering(daemon, fault.call, fault.fault, when: "2+3")
    var outcomes: [Outcome] = []
    for _ in 0..<24 { outcomes.append(try await ask(daemon)) }
    let changed = await tampering.end()
    #expect(changed > 0, "the guests' side does not call \(fault.call)")
    #expect(!outcomes.contains(.wrong))
    #expect(outcomes.contains(.answered))
    if !fault.mayClose { #expect(!outcomes.contains(.closed)) }
    for _ in 0..<4 { #expect(try await ask(daemon) == .answered) }
    let status = try await daemon.command("status", "--output", "json")
    #expect(status.out.contains(#""connections": 0"#), "\(status.out)")
    #expect(try openFiles(daemon) <= filesBefore + 1)
  }

  private enum Outcome: Sendable, Hashable {
    case answered
    case closed
    case wrong
  }

  /// Asks twice on a connection, so that it is also waited for.
  private func ask(_ daemon: DaemonProcess) async throws -> Outcome {
    let url = "http://127.0.0.1:\(daemon.port)/latest/meta-data/hostname"
    let output = try await ChildProcess.run([
      "curl", "-s", "--max-time", "20", "--interface", HostileGuestTests.polite, url, url,
    ])
    if output.out == "guest-1guest-1" { return output.status == 0 ? .answered : .wrong }
    // What came before the end is right as well.
    return output.out.isEmpty || output.out == "guest-1" ? .closed : .wrong
  }

  private func openFiles(_ daemon: DaemonProcess) throws -> Int {
    try FileManager.default
      .contentsOfDirectory(atPath: "/proc/\(daemon.processIdentifier)/fd").count
  }
}

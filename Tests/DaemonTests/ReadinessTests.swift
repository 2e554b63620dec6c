import Foundation
import TestKit
import Testing

/// Guests that boot before their records land, and whoever waits until they may boot.
@Suite("Early is not wrong")
struct ReadinessTests {
  private static func id(_ number: Int) -> String {
    "00000000-0000-4000-8000-\(String(format: "%012d", number))"
  }

  private static func document(_ number: Int) -> String {
    """
    kind: Instance
    id: \(id(number))
    hostname: h\(number)
    interfaces:
    - address: 127.9.0.\(number)
    """
  }

  /// curl's answer: one try on a new connection, without a second one.
  private static func ask(_ port: Int, _ number: Int) async throws -> String {
    try await Program.tool(
      "curl", "-s", "--max-time", "20", "--interface", "127.9.0.\(number)", "--write-out",
      " %{http_code}", "http://127.0.0.1:\(port)/latest/meta-data/local-hostname")
  }

  /// Returns once the daemon has heard of so many addresses that nobody has declared.
  private static func untilHeld(_ count: Int, by daemon: DaemonProcess) async throws {
    while true {
      let counters = try await Program.tool(
        "curl", "-s", "--unix-socket", daemon.socket, "http://nameplate/v1/strangers")
      if counters.components(separatedBy: "127.9.0.").count - 1 >= count { return }
      await Task.yield()
    }
  }

  /// The guests ask at moments spread over two seconds, all before their record.
  @Test("guests that ask up to 2 s before their record is there all get it at their first try")
  func race() async throws {
    // Longer than the default, for what a busy machine takes to start the programs.
    let daemon = try await DaemonProcess(options: ["--unknown-guest-hold-seconds", "8"])
    defer { daemon.stop() }
    let port = daemon.port
    let guests = Array(1...40)
    try await withThrowingTaskGroup(of: (Int, String).self) { group in
      let start = ContinuousClock.now
      for number in guests {
        // The schedule is what is under test: the first asks two seconds before the records.
        try await ContinuousClock().sleep(until: start + .milliseconds(50 * (number - 1)))
        group.addTask { (number, try await Self.ask(port, number)) }
      }
      let manifest = guests.map(Self.document).joined(separator: "\n---\n")
      let applied = try await daemon.command("apply", "-f", "-", input: manifest)
      #expect(applied.status == 0, "\(applied.error)")
      for try await (number, answer) in group { #expect(answer == "h\(number) 200") }
    }
  }

  @Test("each guest is answered as soon as its own record is there, and by nobody else's")
  func oneByOne() async throws {
    let daemon = try await DaemonProcess(options: ["--unknown-guest-hold-seconds", "60"])
    defer { daemon.stop() }
    let port = daemon.port
    let guests = Array(1...12)
    try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for number in guests {
        group.addTask { (number, try await Self.ask(port, number)) }
      }
      try await Self.untilHeld(guests.count, by: daemon)
      // Each record frees one guest; the others go on waiting.
      for number in guests.shuffled() {
        let applied = try await daemon.command(
          "apply", "-f", "-", input: Self.document(number))
        #expect(applied.status == 0, "\(applied.error)")
        let answer = try #require(try await group.next())
        #expect(answer == (number, "h\(number) 200"))
      }
    }
  }

  @Test("wait returns once the guest would be answered, and says what it waits for")
  func wait() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let socket = daemon.socket
    try await withThrowingTaskGroup(of: Program.Output.self) { group in
      group.addTask {
        try await Program.run(["instance", "wait", Self.id(1), "--socket", socket])
      }
      _ = try await daemon.command("apply", "-f", "-", input: Self.document(1))
      let output = try #require(try await group.next())
      #expect(output.status == 0, "\(output.error)")
      #expect(output.out == "h1 is ready: answered as 127.9.0.1 on default\n")
    }
    let missing = try await daemon.command("instance", "wait", Self.id(2), "--timeout", "0s")
    #expect(missing.status == 1)
    #expect(missing.error.contains("is not declared"), "\(missing.error)")
    let wrong = try await daemon.command("instance", "wait", Self.id(2), "--timeout", "soon")
    #expect(wrong.status == 2)
    let json = try await daemon.command("instance", "wait", Self.id(1), "--output", "json")
    #expect(json.out.contains(#""ready": true"#), "\(json.out)")
  }
}

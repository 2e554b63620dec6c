import ControlAPI
import Foundation
import Inventory
import TestKit
import Testing

@Suite("nameplate top")
struct TopTests {
  @Test(
    "one look says what was asked meanwhile, by whom and how it was refused",
    .timeLimit(.minutes(5)))
  func once() async throws {
    let daemon = try await DaemonProcess(manifest: MetricsTests.manifest)
    defer { daemon.stop() }
    let port = daemon.port
    let socket = daemon.socket
    // They go on until it is over.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        repeat {
          try await MetricsTests.ask(
            "/latest/meta-data/hostname", at: port, from: "127.0.0.2", isKept: true)
          try await MetricsTests.ask(
            "/latest/none-[1-3]", at: port, from: "127.0.0.1", isKept: true)
        } while !Task.isCancelled
      }
      // On a busy machine an interval may have seen one of the two alone.
      let look = { (words: [String]) in
        while true {
          let output = try await Program.run(
            ["top", "--once", "--interval", "1s", "--socket", socket] + words)
          if output.status != 0 || (output.out.contains("h1") && output.out.contains("h2")) {
            return output
          }
        }
      }
      let json = try await look(["--output", "json"])
      let text = try await look([])
      group.cancelAll()
      try await group.waitForAll()
      let value = try JSONValue(parsing: json.out)
      let requests = try #require(value["requests"]?.integer)
      #expect(requests > 0)
      #expect(value["latencyMicroseconds"]?["count"]?.integer == requests)
      let guests = value["guests"]?.array ?? []
      #expect(Set(guests.map { $0["hostname"]?.string }) == ["h1", "h2"])
      #expect(guests.reduce(0) { $0 + ($1["requests"]?.integer ?? 0) } == requests)
      #expect(value["refusals"]?.array?.first?["reason"] == "not-found")
      let refused = guests.first { $0["hostname"] == "h1" }?["refused"]?.integer
      #expect(refused ?? 0 > 0)
      #expect(value["refusals"]?.array?.first?["count"]?.integer ?? 0 > 0)
      #expect(text.status == 0, "\(text.error)")
      for word in ["requests ", "p99.9 ", "not-found", "127.0.0.1", "h2", "connections "] {
        #expect(text.out.contains(word), "\(text.out)")
      }
      #expect(!text.out.contains("\u{1B}"))
    }
  }

  @Test("a stream is a line of JSON for each interval")
  func stream() async throws {
    let daemon = try await DaemonProcess(manifest: MetricsTests.manifest)
    defer { daemon.stop() }
    let output = try await ChildProcess.run([
      "sh", "-c",
      "\(Program.path) top --interval 100ms --output json --socket \(daemon.socket)"
        + " | head -n 3",
    ])
    let lines = output.out.split(separator: "\n")
    #expect(lines.count == 3)
    for line in lines {
      #expect(try JSONValue(parsing: String(line))["requests"] == 0)
    }
  }

  @Test("what is wrong has the exit codes of the other commands")
  func faults() async throws {
    for interval in ["soon", "1ms", "2h"] {
      let wrong = try await Program.run(["top", "--interval", interval, "--socket", "/none"])
      #expect(wrong.status == 2, "\(interval)")
    }
    #expect(try await Program.run(["top", "--once", "--socket", "/none"]).status == 3)
    let help = try await Program.run(["top", "--help"])
    #expect(help.status == 0 && help.out.contains("nameplate top --interval 5s"))
  }
}

import ControlAPI
import Foundation
import Inventory
import TestKit
import Testing

/// A program on a terminal of its own: that of script(1).
private final class TerminalSession {
  private let process: ChildProcess
  private let keys: FileHandle
  private let pipes: [Pipe]
  let screen = LogLines()

  init(_ command: String) throws {
    let (input, output) = (Pipe(), Pipe())
    pipes = [input, output]
    keys = input.fileHandleForWriting
    process = try ChildProcess(
      ["script", "-qfec", command, "/dev/null"], environment: ["TERM": "xterm"],
      descriptors: [
        input.fileHandleForReading.fileDescriptor, output.fileHandleForWriting.fileDescriptor,
        output.fileHandleForWriting.fileDescriptor,
      ])
    try input.fileHandleForReading.close()
    try output.fileHandleForWriting.close()
    screen.read(output.fileHandleForReading)
  }

  func type(_ text: String) throws { try keys.write(contentsOf: Data(text.utf8)) }

  /// All that was written, once the program has ended.
  func end() async -> String {
    _ = await process.wait()
    _ = await screen.wait(for: "\u{0}")
    return screen.all
  }
}

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

  /// How a look on a terminal ends.
  enum Ending: String, Sendable, CaseIterable {
    case interrupt, key, daemon
  }

  @Test("a terminal is left as it was found, however it ends", arguments: Ending.allCases)
  func terminal(_ ending: Ending) async throws {
    let daemon = try await DaemonProcess(manifest: MetricsTests.manifest)
    defer { daemon.stop() }
    let session = try TerminalSession(
      "trap : INT; stty rows 10 cols 40; \(Program.path) top --interval 100ms --socket \(daemon.socket);"
        + " echo status=$?; stty -a")
    #expect(await session.screen.wait(for: "\u{1B}[?1049h"))
    // Drawn once, and once more.
    #expect(await session.screen.wait(for: "requests "))
    #expect(await session.screen.wait(for: "the last 0.1 s"), "\(session.screen.all)")
    switch ending {
    case .interrupt: try session.type("\u{3}")
    case .key: try session.type("q")
    case .daemon: daemon.signal(SIGTERM)
    }
    let all = await session.end()
    #expect(all.contains("status=\(ending == .daemon ? 3 : 0)"), "\(all)")
    let count = { (text: String) in all.components(separatedBy: text).count - 1 }
    for (on, off) in [("\u{1B}[?1049h", "\u{1B}[?1049l"), ("\u{1B}[?25l", "\u{1B}[?25h")] {
      #expect(count(on) == 1 && count(off) == 1)
    }
    let after = all.components(separatedBy: "\u{1B}[?1049l").last ?? ""
    #expect(after.contains(" echo ") && after.contains(" icanon"), "\(after)")
    // No line is wider than the terminal.
    let drawn = all.components(separatedBy: "\u{1B}[?1049l").first ?? ""
    for line in drawn.replacing("\r\n", with: "\n").split(separator: "\n") {
      let plain = line.replacing(#/\u{1B}\[[?0-9]*[A-Za-z]/#, with: "")
      #expect(plain.count <= 40, "\(plain)")
    }
  }
}

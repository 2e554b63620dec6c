import Foundation
import Inventory
import TestKit
import Testing

/// Commands that go on: whoever reads them through a pipe has each line as it comes.
@Suite("Commands that follow", .timeLimit(.minutes(2)))
struct FollowTests {
  private final class Follower {
    let process: ChildProcess
    let lines = LogLines()
    private let pipe = Pipe()

    init(_ words: [String], of daemon: DaemonProcess) throws {
      let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
      defer { close(null) }
      process = try ChildProcess(
        [Program.path] + words + ["--socket", daemon.socket],
        descriptors: [null, pipe.fileHandleForWriting.fileDescriptor, null])
      try pipe.fileHandleForWriting.close()
      lines.read(pipe.fileHandleForReading)
    }

    func stop() {
      process.signal(SIGKILL)
      process.waitHere()
    }
  }

  @Test("the audit log: what is there, then each line once, in order, however many come at a time")
  func audit() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let follower = try Follower(
      ["audit", "list", "--follow", "--limit", "5", "--output", "json"], of: daemon)
    defer { follower.stop() }
    #expect(await follower.lines.wait(for: DaemonTests.id))
    #expect(await StoreFaults.write("one", to: daemon) == nil)
    #expect(await follower.lines.wait(for: #""id": "one""#))
    // More than it asks for at a time.
    #expect(await StoreFaults.write("many", count: 30, to: daemon) == nil)
    #expect(await StoreFaults.write("last", to: daemon) == nil)
    #expect(await follower.lines.wait(for: #""id": "last""#))
    follower.process.signal(SIGINT)
    #expect(await follower.process.wait() == 128 + SIGINT)
    let values = try follower.lines.all.split(separator: "\n").map {
      try JSONValue(parsing: String($0))
    }
    let positions = values.compactMap { $0["position"]?.integer }
    #expect(positions.count == values.count)
    #expect(positions == Array(1...positions.count))
    #expect(positions.count >= 1 + 3 + 32 + 1)
  }

  @Test("the audit log of one resource, for people and as YAML", arguments: ["table", "yaml"])
  func oneResource(_ format: String) async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let follower = try Follower(
      ["audit", "list", "--follow", "--resource", "networks/b", "--output", format], of: daemon)
    defer { follower.stop() }
    for name in ["a", "b"] { #expect(await StoreFaults.write(name, to: daemon) == nil) }
    let line = format == "yaml" ? "id: b\n" : "networks/b "
    #expect(await follower.lines.wait(for: line))
    #expect(try await daemon.command("delete", "instances", DaemonTests.id).status == 0)
    // Its own line is the only one.
    daemon.signal(SIGTERM)
    #expect([1, 3].contains(await follower.process.wait()))
    await follower.lines.waitForEnd()
    let text = follower.lines.all
    #expect(text.components(separatedBy: line).count == 2, "\(text)")
    #expect(text.split(separator: "\n").count { $0.contains("created") } == 1, "\(text)")
    #expect(!text.contains(DaemonTests.id), "\(text)")
    if format == "yaml" { #expect(text.hasPrefix("---\n")) }
  }

  @Test("a watch: each event as it comes", arguments: ["table", "json", "yaml"])
  func watch(_ format: String) async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let follower = try Follower(["watch", "--since", "1", "--output", format], of: daemon)
    defer { follower.stop() }
    #expect(await follower.lines.wait(for: DaemonTests.id))
    for name in ["a", "b"] {
      #expect(await StoreFaults.write("net-\(name)", to: daemon) == nil)
      #expect(await follower.lines.wait(for: "net-\(name)"))
    }
    if format == "yaml" {
      let documents = follower.lines.all.components(separatedBy: "---\n").dropFirst()
      #expect(documents.allSatisfy { $0.contains("event: ") })
      #expect(documents.count > 1)
    }
  }
}

import Foundation
import Synchronization
import TestKit
import Testing

@testable import GuestAgent

@Suite(
  "The program in a guest whose service is in trouble",
  .enabled(if: isRoot, "namespaces need root"), .timeLimit(.minutes(10)))
struct TroubledServiceTests {
  static let key = ExampleKeys.ed25519
  static let file = "home/alice/.ssh/authorized_keys"

  /// An agent that has no other place to ask, so that it says the same each time.
  private func agent(in machine: GuestMachine) throws -> LoggedProcess {
    try LoggedProcess(
      machine.agentWords([
        "--no-drive", "--user", "alice", "--endpoint", "169.254.169.254", "--no-hostname",
      ]))
  }

  @Test("a service that is absent for a minute is waited for, and told of when the minute is over")
  func absent() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    let agent = try agent(in: machine)
    defer { agent.end() }
    // The same line comes again after a minute, and not before.
    let began = ContinuousClock.now
    #expect(await agent.log(has: "Connection refused. It goes on trying.", times: 2))
    #expect(began.duration(to: .now) > .seconds(59))
    #expect(machine.text(Self.file) == nil)
    let service = try ScriptedService(
      at: "0.0.0.0", port: 80, namespace: machine.router, Script.openStack(keys: [Self.key]))
    defer { service.stop() }
    #expect(await agent.log(has: "alice has 1 of its keys"))
    #expect(machine.text(Self.file) == AuthorizedKeysTests.block(Self.key))
  }

  /// What the service does at first, and a word of what the console says of it.
  static let troubles: [(String, ScriptedService.Reply, String)] = [
    ("500s", .answer(500, "<html>oops</html>"), "500: the service has a fault"),
    ("HTML", .answer(200, "<!DOCTYPE html><html>Log in"), "a web page answers in its place"),
    ("an empty answer", .answer(200, ""), "is empty"),
    (
      "an oversized answer", .raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
      "an answer of more than"
    ),
    ("a slow drip", .drip, "no whole answer within 10000 ms"),
    ("closed connections", .raw(""), "closed without an answer"),
    ("tokens that it does not give", .answer(401, ""), "a session token that it does not give"),
  ]

  @Test(
    "is told why it has no key yet, touches nothing, and gets its key later", arguments: troubles)
  func trouble(name: String, reply: ScriptedService.Reply, reason: String) async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    let isOver = Mutex(false)
    let good = Script.openStack(keys: [Self.key])
    let service = try ScriptedService(at: "0.0.0.0", port: 80, namespace: machine.router) {
      request in
      // Services without tokens say so; all else is the trouble.
      request.method == "PUT" || isOver.withLock { $0 } ? good(request) : reply
    }
    defer { service.stop() }
    let agent = try agent(in: machine)
    defer { agent.end() }
    #expect(await agent.log(has: reason), "\(name): \(agent.all)")
    let line = try #require(agent.all.split(separator: "\n").first)
    #expect(line.hasPrefix("nameplate-guest: no key yet for alice: 169.254.169.254: "))
    #expect(try sh("ls -A \(machine.folder)/home/alice") == "")
    isOver.withLock { $0 = true }
    #expect(await agent.log(has: "alice has 1 of its keys"), "\(agent.all)")
    #expect(machine.text(Self.file) == AuthorizedKeysTests.block(Self.key))
  }
}

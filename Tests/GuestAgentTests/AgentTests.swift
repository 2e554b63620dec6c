import Foundation
import Synchronization
import TestKit
import Testing

@testable import GuestAgent

@Suite("Rounds with a service")
struct AgentTests {
  static let a = ExampleKeys.ed25519
  static let b = ExampleKeys.rsa

  @Test("keys and user data arrive, closed to others, and a second time nothing changes")
  func arrives() throws {
    let home = try HomeFixture()
    let service = try ScriptedService(Script.openStack(keys: [Self.a, Self.b], userData: "hi"))
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a, Self.b))
    #expect(home.userData == "hi")
    #expect(home.mode(home.keysFile) == 0o600 && home.mode("\(home.home)/.ssh") == 0o700)
    #expect(home.mode("\(home.state)/user-data") == 0o600 && home.mode(home.state) == 0o700)
    let told = home.told
    #expect(told.count == 2)
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(home.told == told)
  }

  @Test("modes that let others write are closed, also where the keys are right")
  func modes() throws {
    let home = try HomeFixture()
    let service = try ScriptedService(Script.openStack(keys: [Self.a]))
    defer { service.stop() }
    try home.write(keys: AuthorizedKeysTests.block(Self.a))
    #expect(unsafe chmod(home.keysFile, 0o666) == 0 && chmod("\(home.home)/.ssh", 0o777) == 0)
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(home.mode(home.keysFile) == 0o600 && home.mode("\(home.home)/.ssh") == 0o700)
  }

  @Test("a dry run shows what would change, without secrets, and changes nothing")
  func dryRun() throws {
    let home = try HomeFixture()
    let service = try ScriptedService(Script.openStack(keys: [Self.a], userData: "secret"))
    defer { service.stop() }
    try home.write(keys: AuthorizedKeysTests.block(Self.b))
    let agent = try home.agent(port: service.port) { $0.isDryRun = true }
    #expect(agent.run() == .done)
    #expect(
      home.shown == [
        home.keysFile, "  - \(Self.b)", "  + \(Self.a)",
        "  + mode 0700 for .ssh, 0600 for authorized_keys", "\(home.state)/user-data",
        "  + 6 bytes",
      ])
    #expect(home.keys == AuthorizedKeysTests.block(Self.b) && home.userData == nil)
    #expect(!FileManager.default.fileExists(atPath: home.state))
  }

  /// What is wrong, the answer to each path, and a word of the line on the console.
  static let faults: [(String, String, ScriptedService.Reply, String)] = [
    ("500", "meta_data.json", .answer(500, "oops"), "500: the service has a fault"),
    ("503", "meta_data.json", .answer(503, ""), "503"),
    ("429", "meta_data.json", .answer(429, ""), "asked too often"),
    ("403", "meta_data.json", .answer(403, ""), "switched off"),
    ("a token that cannot be had", "meta_data.json", .answer(401, ""), "session token"),
    ("HTML", "meta_data.json", .answer(200, "<html>Log in</html>"), "web page"),
    (
      "HTML by its type", "meta_data.json",
      .answer(200, "Log in", headers: ["Content-Type: text/html"]), "web page"
    ),
    ("empty", "meta_data.json", .answer(200, ""), "is empty"),
    ("no JSON", "meta_data.json", .answer(200, "alice"), "cannot be read"),
    ("another JSON", "meta_data.json", .answer(200, "{}"), "cannot be read"),
    ("a list", "meta_data.json", .answer(200, "[]"), "cannot be read"),
    (
      "deep JSON", "meta_data.json",
      .answer(200, String(repeating: "[", count: 100_000)), "cannot be read"
    ),
    ("an id that is none", "meta_data.json", .answer(200, "{\"uuid\": \"a\\nb\"}"), "no id"),
    ("a redirect", "meta_data.json", .answer(302, "", headers: ["Location: /x"]), "not followed"),
    (
      "oversized", "meta_data.json",
      .raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), "more than"
    ),
    (
      "cut off", "meta_data.json",
      .raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "middle"
    ),
    ("closed", "meta_data.json", .raw(""), "closed without an answer"),
    ("HTML for a token", "token", .answer(200, "<html>"), "web page"),
    ("a token of two lines", "token", .answer(200, "a\r\nb: c"), "is none"),
    ("500 for a token", "token", .answer(500, ""), "500"),
    ("a stranger", "", .answer(404, ""), "does not know this machine"),
    (
      "a key that is none", "meta_data.json",
      .answer(200, Script.metaData(keys: ["command=\\\"x\\\" ssh-rsa AAAA"])), "is refused"
    ),
    ("no key", "no key", .answer(200, Script.metaData(keys: [])), "has no key for it"),
  ]

  @Test("what is no good answer is told in one line, and what is there stays", arguments: faults)
  func faulty(name: String, path: String, reply: ScriptedService.Reply, word: String) throws {
    let home = try HomeFixture()
    let good = Script.openStack(keys: [Self.b])
    let service = try ScriptedService { request in
      if name == "no key" {
        return request.path.hasSuffix("meta_data.json") ? reply : .answer(404, "")
      }
      return request.path.hasSuffix(path) ? reply : good(request)
    }
    defer { service.stop() }
    let block = AuthorizedKeysTests.block(Self.a)
    try home.write(keys: "\(Self.b)\n\(block)")
    #expect(try home.agent(port: service.port).run() == .failed)
    // With no key declared, the block goes: that is what the service says.
    #expect(home.keys == "\(Self.b)\n" + (name == "no key" ? "" : block))
    let line = try #require(home.told.last)
    #expect(home.told.count == (name == "no key" ? 2 : 1) && line.contains(word), "\(home.told)")
    #expect(line.hasPrefix("no key yet for alice: ") || line.contains("key 'k0' is refused"))
    #expect(!line.contains("\n"))
  }

  @Test("keys beside one that is refused are installed, and the refused one is told")
  func oneBadKey() throws {
    let home = try HomeFixture()
    let service = try ScriptedService(Script.openStack(keys: ["ssh-rsa AAAA", Self.a]))
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .failed)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a))
    #expect(home.told.last?.contains("the key 'k0' is refused: ") == true)
  }

  @Test("user data with a fault, empty or a web page stays as it was; the keys come")
  func userDataFaults() throws {
    for reply: ScriptedService.Reply in [
      .answer(500, ""), .answer(200, ""), .answer(200, "<!DOCTYPE html>"),
      .raw("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n"),
    ] {
      let home = try HomeFixture()
      let good = Script.openStack(keys: [Self.a], userData: "old")
      let isFaulty = Mutex(false)
      let service = try ScriptedService { request in
        request.path.hasSuffix("user_data") && isFaulty.withLock { $0 } ? reply : good(request)
      }
      defer { service.stop() }
      #expect(try home.agent(port: service.port).run() == .done)
      isFaulty.withLock { $0 = true }
      #expect(unsafe unlink(home.keysFile) == 0)
      _ = try home.agent(port: service.port).run()
      #expect(home.userData == "old" && home.keys == AuthorizedKeysTests.block(Self.a))
    }
  }

  @Test("user data that the service no longer has goes")
  func userDataGoes() throws {
    let home = try HomeFixture()
    let first = try ScriptedService(Script.openStack(keys: [Self.a], userData: "old"))
    #expect(try home.agent(port: first.port).run() == .done)
    first.stop()
    let second = try ScriptedService(Script.openStack(keys: [Self.a]))
    defer { second.stop() }
    #expect(try home.agent(port: second.port).run() == .done)
    #expect(home.userData == nil)
  }

  @Test("an answer that drips is given up at its deadline")
  func drip() throws {
    let service = try ScriptedService { _ in .drip }
    defer { service.stop() }
    let endpoint = try Endpoint(reading: "127.0.0.1:\(service.port)")
    var connector = Connector([endpoint], answerMilliseconds: 100)
    guard let connection = connector.next() else { throw AgentError("not connected") }
    do throws(AgentError) {
      _ = try MetadataSession(over: connection)
      Issue.record("it was taken")
    } catch {
      #expect(error.description == "no whole answer within 100 ms")
    }
  }

  @Test("where tokens are required, one is asked for and sent with every request")
  func tokens() throws {
    let home = try HomeFixture()
    let good = Script.openStack(keys: [Self.a])
    let service = try ScriptedService { request in
      if request.method == "PUT" { return .answer(200, "AQAEA==") }
      guard request.headers["x-aws-ec2-metadata-token"] == "AQAEA==" else {
        return .answer(401, "")
      }
      return good(request)
    }
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .done)
    let first = try #require(service.requests.first)
    #expect(first.method == "PUT" && first.path == "/latest/api/token")
    #expect(first.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "60")
    #expect(first.headers["x-forwarded-for"] == nil)
  }

  @Test("a service without tokens is asked without", arguments: [400, 403, 404, 405, 501])
  func noTokens(status: Int) throws {
    let home = try HomeFixture()
    let good = Script.openStack(keys: [Self.a])
    let service = try ScriptedService {
      $0.method == "PUT" ? .answer(status, "<html>no</html>") : good($0)
    }
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(service.requests.dropFirst().allSatisfy { $0.headers.keys.contains("host") })
    #expect(
      service.requests.allSatisfy { $0.headers["x-aws-ec2-metadata-token"] == nil })
  }

  @Test("without OpenStack's documents EC2's are read, each key by its number")
  func ec2() throws {
    let home = try HomeFixture()
    let leaves = [
      "/latest/meta-data/instance-id": "i-0123456789abcdef0",
      "/latest/meta-data/local-hostname": "web-1.example.org",
      "/latest/meta-data/public-keys/": "0=alice\n7=bob",
      "/latest/meta-data/public-keys/0/openssh-key": "\(Self.a)\n",
      "/latest/meta-data/public-keys/7/openssh-key": Self.b,
      "/latest/user-data": "#!/bin/sh\n",
    ]
    let service = try ScriptedService { request in
      leaves[request.path].map { .answer(200, $0) } ?? .answer(404, "")
    }
    defer { service.stop() }
    #expect(try home.agent(port: service.port).run() == .done)
    #expect(home.keys == AuthorizedKeysTests.block(Self.a, Self.b))
    #expect(home.userData == "#!/bin/sh\n")
  }

  @Test("a service that is absent for a minute is waited for, and the console hears of it once")
  func absentForAMinute() throws {
    let home = try HomeFixture()
    let placeholder = try ScriptedService { _ in .raw("") }
    let port = placeholder.port
    placeholder.stop()
    let service = Mutex<ScriptedService?>(nil)
    let pace = ManualPace { now in
      guard now >= 60_000 else { return }
      service.withLock {
        if $0 == nil { $0 = try? ScriptedService(port: port, Script.openStack(keys: [Self.a])) }
      }
    }
    defer { service.withLock { $0?.stop() } }
    let agent = try home.agent(port: port, pace: pace) { $0.timeoutMilliseconds = nil }
    #expect(agent.run() == .done)
    #expect((60_000...120_000).contains(pace.now))
    #expect(home.keys == AuthorizedKeysTests.block(Self.a))
    #expect(home.told.count(where: { $0.contains("no metadata service") }) <= 2)
    #expect(
      home.told.first
        == "no key yet for alice: no metadata service: 127.0.0.1:\(port): Connection refused."
        + " It goes on trying.")
  }
}

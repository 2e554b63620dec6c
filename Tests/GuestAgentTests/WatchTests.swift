import Foundation
import Synchronization
import TestKit
import Testing

@testable import GuestAgent

@Suite("Rounds of a watch")
struct WatchTests {
  @Test("a watch follows what comes and goes, and a service that goes away takes no key with it")
  func watch() throws {
    let home = try HomeFixture()
    let keys = Mutex([AgentTests.a])
    let fault = Mutex<ScriptedService.Reply?>(nil)
    let service = try ScriptedService { request in
      if let reply = fault.withLock({ $0 }) { return reply }
      return Script.openStack(keys: keys.withLock { $0 })(request)
    }
    defer { service.stop() }
    try home.write(keys: AuthorizedKeysTests.foreign)
    let foreign = "\(AuthorizedKeysTests.foreign)\n"
    let agent = try home.agent(port: service.port) { $0.watchMilliseconds = 1000 }
    for (wanted, expected) in [
      ([AgentTests.a], foreign + AuthorizedKeysTests.block(AgentTests.a)),
      (
        [AgentTests.a, AgentTests.b],
        foreign + AuthorizedKeysTests.block(AgentTests.a, AgentTests.b)
      ),
      ([AgentTests.b], foreign + AuthorizedKeysTests.block(AgentTests.b)),
      ([], foreign),
      ([AgentTests.a], foreign + AuthorizedKeysTests.block(AgentTests.a)),
    ] {
      keys.withLock { $0 = wanted }
      _ = agent.round()
      #expect(home.keys == expected)
    }
    for reply: ScriptedService.Reply in [
      .answer(500, ""), .answer(404, ""), .answer(200, "<html>"),
      // Another machine's, perhaps because an address went to somebody else.
      .answer(200, Script.metaData(keys: [AgentTests.b]).replacing("11111111", with: "22222222")),
    ] {
      fault.withLock { $0 = reply }
      guard case .failed(let reason) = agent.round() else {
        Issue.record("not refused")
        continue
      }
      #expect(reason.hasPrefix("the keys stay as they are: "))
      #expect(home.keys == foreign + AuthorizedKeysTests.block(AgentTests.a))
    }
  }

  @Test("a service that tells changes is asked to wait for one; one that does not is asked as ever")
  func holds() throws {
    let home = try HomeFixture()
    let keys = Mutex([AgentTests.a])
    let tag = Mutex<String?>("a1")
    let service = try ScriptedService { request in
      let good = Script.openStack(keys: keys.withLock { $0 })
      guard let mark = request.path.firstIndex(of: "?") else { return good(request) }
      var plain = request
      plain.path = String(request.path[..<mark])
      guard let tag = tag.withLock({ $0 }), case .answer(let status, let body, _) = good(plain)
      else { return .answer(400, "no queries") }
      return .answer(status, body, headers: ["ETag: \"\(tag)\""])
    }
    defer { service.stop() }
    let agent = try home.agent(port: service.port) { $0.watchMilliseconds = 60_000 }
    func asked() -> [String] {
      service.requests.map(\.path).filter { $0.contains("wait_for_change=true") }
    }
    #expect(agent.round() == .following)
    #expect(asked() == [], "without keys it asks for nothing that others do not know")
    #expect(agent.round() == .following)
    #expect(asked().count == 1 && asked().last?.contains("last_etag") == false)
    keys.withLock { $0 = [AgentTests.b] }
    tag.withLock { $0 = "b2" }
    #expect(agent.round() == .following)
    #expect(asked().last?.hasSuffix("&last_etag=a1") == true)
    #expect(home.keys == AuthorizedKeysTests.block(AgentTests.b))
    // The same at once: it holds no more, and is asked at the interval.
    #expect(agent.round() == .done)
    // An older one answers at once, or refuses the query.
    tag.withLock { $0 = nil }
    keys.withLock { $0 = [AgentTests.a] }
    #expect(agent.round() == .done)
    #expect(home.keys == AuthorizedKeysTests.block(AgentTests.a))
    let count = asked().count
    #expect(agent.round() == .done)
    #expect(asked().count == count)
  }

  @Test("what comes over a held connection is not believed", arguments: ["a1", "b2"])
  func hijacked(tag: String) throws {
    let home = try HomeFixture()
    let service = try ScriptedService { request in
      // Somebody on the way answers for the service while it holds the question.
      if request.path.contains("last_etag") {
        return .answer(
          200, Script.metaData(keys: [AgentTests.b]), headers: ["ETag: \"\(tag)\""])
      }
      var plain = request
      plain.path = String(request.path.prefix { $0 != "?" })
      guard case .answer(let status, let body, _) = Script.openStack(keys: [AgentTests.a])(plain)
      else { return .answer(500, "") }
      return .answer(
        status, body, headers: request.path.contains("?") ? ["ETag: \"a1\""] : [])
    }
    defer { service.stop() }
    let agent = try home.agent(port: service.port) { $0.watchMilliseconds = 60_000 }
    for _ in 0..<3 {
      _ = agent.round()
      #expect(home.keys == AuthorizedKeysTests.block(AgentTests.a))
    }
    #expect(service.requests.contains { $0.path.contains("last_etag=a1") })
  }

  @Test(
    "a tag goes into the next request only where it is a plain word",
    arguments: [
      ("\"a-1_B\"", "a-1_B"), ("a", nil), ("W/\"a\"", nil), ("\"\"", nil), ("\"a b\"", nil),
      ("\"a&x=y\"", nil), ("\"", nil),
      ("\"\(String(repeating: "a", count: 65))\"", nil),
    ] as [(String, String?)])
  func tags(field: String, tag: String?) throws {
    var parser = ResponseParser(bodyLimit: 10)
    let text = "HTTP/1.1 200 OK\r\nETag: \(field)\r\nContent-Length: 1\r\n\r\na"
    #expect(try parser.read(Array(text.utf8)[...])?.tag == tag)
  }
}

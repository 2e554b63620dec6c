import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("A connection is one instance's", .timeLimit(.minutes(1)))
struct CallerChangedTests {
  static let path = "/latest/meta-data/local-hostname"

  private static func pass(_ server: RunningServer) async throws {
    try await server.store.remove(1)
    try await server.store.declare(2, address: "127.0.0.1")
  }

  @Test("a record that changes hands between two requests ends the connection")
  func changes() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      #expect(try await client.get(Self.path).body == "h1")
      try await Self.pass(server)
      let answer = try await client.get(Self.path)
      try #require(answer.status == 421)
      #expect(!answer.body.contains("h2"))
      #expect(answer.field("Connection") == "close")
      #expect(await client.isAtEnd())
      #expect(server.service.counters.values["refusals.caller-changed"] == 1)
      // Whoever has the address now is answered, on a connection of its own.
      let other = try await server.connect()
      #expect(try await other.get(Self.path).body == "h2")
    }
  }

  @Test("nothing that was sent ahead is answered as the other instance, nor is a password kept")
  func pipelined() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      #expect(try await client.get(Self.path).body == "h1")
      try await Self.pass(server)
      let get = "GET \(Self.path) HTTP/1.1\r\nHost: a\r\n\r\n"
      try await client.send(
        "POST /openstack/latest/password HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
          + get + get)
      let answer = try await client.response()
      try #require(answer.status == 421)
      #expect(await client.isAtEnd())
      let second = try #require(InstanceID("00000000-0000-4000-8000-000000000002"))
      #expect(server.service.catalog.read { $0.password(of: second) } == nil)
    }
  }

  @Test("a request that is held is not answered as whoever gets the address meanwhile")
  func held() async throws {
    try await RunningServer.with(hold: .forever) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      #expect(try await client.get(Self.path).body == "h1")
      try await server.store.remove(1)
      try await client.send("GET \(Self.path) HTTP/1.1\r\nHost: a\r\n\r\n")
      for await _ in server.held { break }
      try await server.store.declare(2, address: "127.0.0.1")
      let answer = try await client.response()
      try #require(answer.status == 421)
      #expect(await client.isAtEnd())
    }
  }

  @Test("an instance that is declared anew keeps its connections")
  func same() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      #expect(try await client.get(Self.path).body == "h1")
      try await server.store.remove(1)
      #expect(try await client.get(Self.path).status == 404)
      try await server.store.declare(1, address: "127.0.0.1")
      #expect(try await client.get(Self.path).body == "h1")
    }
  }
}

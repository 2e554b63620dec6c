import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("The server over sockets", .timeLimit(.minutes(1)))
struct GuestServerTests {
  static let identity = "/latest/meta-data/instance-id"

  @Test("a connection serves request after request, with exactly these fields")
  func keepAlive() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      let first = try await client.get(Self.identity)
      #expect(first.status == 200)
      #expect(first.body.hasPrefix("i-"))
      #expect(
        first.fields == [
          "Server: nameplate", "Content-Type: text/plain; charset=UTF-8",
          "Content-Length: \(first.body.utf8.count)",
        ])
      #expect(try await client.get("/nothing").status == 404)
      #expect(try await client.get(Self.identity) == first)
    }
  }

  @Test("a hundred requests in one segment get a hundred answers in order")
  func pipelining() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      var requests = ""
      for index in 0..<100 {
        requests += head("GET \(index % 3 == 0 ? Self.identity : "/nothing") HTTP/1.1")
      }
      try await client.send(requests)
      try await client.closeOutput()
      for index in 0..<100 {
        #expect(try await client.response().status == (index % 3 == 0 ? 200 : 404))
      }
      #expect(await client.isAtEnd())
    }
  }

  @Test("HTTP/1.0 is answered and closed, or kept where the guest asks for it")
  func http10() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      try await client.send("GET \(Self.identity) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(try await client.response().field("Connection") == "keep-alive")
      try await client.send("GET \(Self.identity) HTTP/1.0\r\n\r\n")
      let last = try await client.response()
      #expect(last.status == 200)
      #expect(last.field("Connection") == "close")
      #expect(await client.isAtEnd())
    }
  }

  @Test("HEAD gets the true length and no body")
  func headRequest() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      let whole = try await client.get(Self.identity)
      try await client.send(head("HEAD \(Self.identity) HTTP/1.1"))
      let answer = try await client.response(toHEAD: true)
      #expect(answer.fields == whole.fields)
      #expect(try await client.get(Self.identity) == whole)
    }
  }

  @Test("a password is posted in chunks, once, and PUT there is told what is allowed")
  func password() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      let post = head("POST /openstack/latest/password HTTP/1.1", "Transfer-Encoding: chunked")
      try await client.send(post + "3\r\nsec\r\n3\r\nret\r\n0\r\n\r\n")
      #expect(try await client.response().status == 200)
      #expect(try await client.get("/openstack/latest/password").body == "secret")
      try await client.send(post + "1\r\nx\r\n0\r\n\r\n")
      #expect(try await client.response().status == 409)
      try await client.send(head("PUT /openstack/latest/password HTTP/1.1"))
      let answer = try await client.response()
      #expect(answer.status == 405)
      #expect(answer.field("Allow") == "GET, HEAD, POST")
    }
  }

  @Test("a guest that waits to be told to send its body is told")
  func expectation() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      try await client.send(
        head(
          "POST /openstack/latest/password HTTP/1.1", "Content-Length: 2", "Expect: 100-continue"))
      #expect(try await client.response().status == 100)
      try await client.send("ab")
      #expect(try await client.response().status == 200)
    }
  }

  static let refusals: [(Int, String)] = [
    (400, "nonsense\r\n\r\n"),
    (
      413,
      head("POST / HTTP/1.1", "Content-Length: 1000000") + String(repeating: "b", count: 90_000)
    ),
    (414, "GET /\(String(repeating: "a", count: 5000)) HTTP/1.1\r\n"),
    (431, head("GET / HTTP/1.1", "X: \(String(repeating: "a", count: 20_000))")),
    (505, "GET / HTTP/2.0\r\n"),
  ]

  @Test("what is refused is told so, counted, and the connection ends", arguments: refusals)
  func refusal(_ status: Int, _ request: String) async throws {
    try await RunningServer.with { server in
      let client = try await server.connect()
      try await client.send(request)
      let answer = try await client.response()
      #expect(answer.status == status)
      #expect(answer.field("Connection") == "close")
      #expect(await client.isAtEnd())
      await client.close()
      #expect(server.service.counters.values.values.reduce(0, +) == 1)
    }
  }

  @Test("a head that drips gets a 408, a silent connection nothing")
  func slow() async throws {
    // One deadline at a time is short: on a busy host the other would come first.
    try await RunningServer.with(timeouts: Timeouts(headMilliseconds: 20)) { server in
      let client = try await server.connect()
      try await client.send("GET / HTTP/1.1\r\nHost:")
      #expect(try await client.response().status == 408)
      #expect(await client.isAtEnd())
      await client.close()
    }
    try await RunningServer.with(timeouts: Timeouts(idleMilliseconds: 40)) { server in
      let silent = try await server.connect()
      #expect(await silent.isAtEnd())
    }
  }

  @Test("an address has so many connections; another address is not concerned")
  func perGuestCap() async throws {
    let limits = ConnectionLimits(connectionsPerGuest: 2)
    try await RunningServer.with(limits: limits) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let first = try await server.connect()
      let second = try await server.connect()
      #expect(try await first.get("/").status == 200)
      #expect(try await second.get("/").status == 200)
      let third = try await server.connect()
      let answer = try await third.response()
      #expect(answer.status == 503)
      #expect(await third.isAtEnd())
      #expect(server.service.counters.values["refusals.too-many-connections"] == 1)
      let other = try await server.connect(from: "127.0.0.2")
      #expect(try await other.get("/").status == 404)
      await third.close()
      await first.close()
    }
  }

  @Test("all addresses together have so many connections")
  func totalCap() async throws {
    try await RunningServer.with(limits: ConnectionLimits(connections: 1)) { server in
      let first = try await server.connect()
      #expect(try await first.get("/").status == 404)
      let second = try await server.connect(from: "127.0.0.2")
      #expect(try await second.response().status == 503)
      await second.close()
    }
  }

  @Test("a large answer reaches a guest whole, also when it half-closes first")
  func largeAnswer() async throws {
    try await RunningServer.with { server in
      let userData = String(repeating: "QUJD", count: 16_000)
      try await server.store.declare(1, address: "127.0.0.1", userData: userData)
      let client = try await server.connect()
      let count = 50
      let request = head("GET /latest/user-data HTTP/1.1")
      try await client.send(String(repeating: request, count: count))
      try await client.closeOutput()
      for _ in 0..<count {
        #expect(try await client.response().body.utf8.count >= 48_000)
      }
      #expect(await client.isAtEnd())
    }
  }
}

@Suite("Requests that wait", .timeLimit(.minutes(1)))
struct WaitingRequestTests {
  static let identity = GuestServerTests.identity

  @Test("an unknown address is held, and answered when its record lands")
  func heldThenAnswered() async throws {
    try await RunningServer.with(hold: .forever) { server in
      let client = try await server.connect()
      try await client.send(head("GET \(Self.identity) HTTP/1.1") + head("GET /none HTTP/1.1"))
      for await _ in server.held { break }
      try await server.store.declare(1, address: "127.0.0.1")
      #expect(try await client.response().status == 200)
      #expect(try await client.response().status == 404)
    }
  }

  @Test("an unknown address is held, then refused")
  func heldThenRefused() async throws {
    try await RunningServer.with(hold: .briefly) { server in
      let client = try await server.connect()
      #expect(try await client.get(Self.identity).status == 404)
      #expect(server.service.counters.values["refusals.unknown-address"] == 1)
    }
  }

  @Test("as many requests as the limit are held, one more is refused and nothing leaks")
  func pendingLimit() async throws {
    let limits = ConnectionLimits(pendingRequests: 1)
    try await RunningServer.with(hold: .forever, limits: limits) { server in
      let first = try await server.connect(from: "127.0.0.2")
      try await first.send(head("GET \(Self.identity) HTTP/1.1"))
      for await _ in server.held { break }
      let second = try await server.connect()
      for _ in 0...Limits.maximumHeldRequestsPerAddress {
        #expect(try await second.get(Self.identity).status == 503)
      }
      try await server.store.declare(1, address: "127.0.0.2")
      #expect(try await first.response().status == 200)
    }
  }

  @Test("a guest that leaves while it is held takes nobody's place")
  func leaves() async throws {
    let limits = ConnectionLimits(connectionsPerGuest: 1)
    try await RunningServer.with(hold: .forever, limits: limits) { server in
      let client = try await server.connect()
      try await client.send(head("GET \(Self.identity) HTTP/1.1"))
      for await _ in server.held { break }
      await client.close()
      try await server.store.declare(1, address: "127.0.0.1")
    }
  }

  @Test("a graceful shutdown finishes the request in flight and closes idle connections")
  func gracefulShutdown() async throws {
    try await RunningServer.with(hold: .forever, drainTimeout: .seconds(60)) { server in
      try await server.store.declare(2, address: "127.0.0.2")
      let idle = try await server.connect(from: "127.0.0.2")
      try await idle.send(head("GET \(Self.identity) HTTP/1.1"))
      #expect(try await idle.response().status == 200)
      let client = try await server.connect()
      try await client.send(head("GET \(Self.identity) HTTP/1.1"))
      for await _ in server.held { break }
      await server.shutDown()
      #expect(await idle.isAtEnd())
      try await server.store.declare(1, address: "127.0.0.1")
      let answer = try await client.response()
      #expect(answer.status == 200)
      #expect(answer.field("Connection") == "close")
      #expect(await client.isAtEnd())
      await client.close()
    }
  }

  @Test("a shutdown does not wait longer than its bound")
  func boundedShutdown() async throws {
    try await RunningServer.with(hold: .forever, drainTimeout: .milliseconds(50)) { server in
      let client = try await server.connect()
      try await client.send(head("GET \(Self.identity) HTTP/1.1"))
      for await _ in server.held { break }
      await server.shutDown()
      #expect(await client.isAtEnd())
    }
  }
}

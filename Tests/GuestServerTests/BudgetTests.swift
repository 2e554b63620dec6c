import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("Budgets over sockets", .timeLimit(.minutes(1)))
struct BudgetTests {
  static let identity = GuestServerTests.identity
  /// What is earned back meanwhile, on a machine that is busy, is a request a second.
  static let three = RateLimits(guestRequests: Rate(perSecond: 1, burst: 3))

  @Test("past its budget a guest is told 429 and when to come again; another is not concerned")
  func requests() async throws {
    try await RunningServer.with(rates: Self.three) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      try await server.store.declare(2, address: "127.0.0.2")
      var answers = 0
      while answers < 100 {
        let client = try await server.connect()
        let answer = try await client.get(Self.identity)
        await client.close()
        guard answer.status != 200 else {
          answers += 1
          continue
        }
        #expect(answer.status == 429)
        #expect(answer.field("Retry-After") == "1")
        #expect(answer.body == "429 Too Many Requests\n")
        break
      }
      #expect((3..<100).contains(answers))
      #expect(server.service.counters.values["refusals.too-many-requests"] == 1)
      let other = try await server.connect(from: "127.0.0.2")
      #expect(try await other.get(Self.identity).status == 200)
    }
  }

  @Test("a pipelined flood gets one 429 a second, and what is behind it is not even looked at")
  func pipelined() async throws {
    try await RunningServer.with(rates: Self.three, drainTimeout: .zero) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      let request = head("GET \(Self.identity) HTTP/1.1")
      let start = ContinuousClock.now
      try await client.send(String(repeating: request, count: 200))
      for status in [200, 200, 200, 429] {
        #expect(try await client.response().status == status)
      }
      await client.close()
      let refused = server.service.counters.values["refusals.too-many-requests"] ?? 0
      // On a busy machine the guest may have been heard again before it had closed.
      let seconds = (ContinuousClock.now - start).components.seconds
      #expect((1...(1 + UInt64(clamping: seconds))).contains(refused))
    }
  }

  @Test("after the time it was told, a guest is answered on the same connection")
  func comesAgain() async throws {
    let rates = RateLimits(guestRequests: Rate(perSecond: 1, burst: 1))
    try await RunningServer.with(rates: rates) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      let request = head("GET \(Self.identity) HTTP/1.1")
      try await client.send(String(repeating: request, count: 3))
      for status in [200, 429, 200] { #expect(try await client.response().status == status) }
    }
  }

  @Test("large answers use up a guest's bytes, HEAD and small ones do not")
  func bytes() async throws {
    let rates = RateLimits(guestBytes: Rate(perSecond: 1, burst: 90_000))
    try await RunningServer.with(rates: rates) { server in
      let userData = String(repeating: "QUJD", count: 16_000)
      try await server.store.declare(1, address: "127.0.0.1", userData: userData)
      try await server.store.declare(2, address: "127.0.0.2", userData: userData)
      let client = try await server.connect()
      for _ in 0..<3 {
        try await client.send(head("HEAD /latest/user-data HTTP/1.1"))
        #expect(try await client.response(toHEAD: true).status == 200)
        #expect(try await client.get(Self.identity).status == 200)
      }
      for status in [200, 200, 429] {
        let again = try await server.connect()
        #expect(try await again.get("/latest/user-data").status == status)
      }
      #expect(server.service.counters.values["refusals.too-many-bytes"] == 1)
      let other = try await server.connect(from: "127.0.0.2")
      #expect(try await other.get("/latest/user-data").status == 200)
    }
  }

  @Test("a stranger's requests are fewer, and are counted as such")
  func stranger() async throws {
    let rates = RateLimits(guestRequests: Rate(perSecond: 1, burst: 16))
    try await RunningServer.with(rates: rates) { server in
      let client = try await server.connect()
      try await client.send(String(repeating: head("GET / HTTP/1.1"), count: 4))
      for status in [404, 404, 429] { #expect(try await client.response().status == status) }
    }
  }

  @Test("what connections use is given back when they go")
  func usage() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      #expect(try await client.get(Self.identity).status == 200)
      #expect(server.usage().connections == 1)
      try await client.send("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 5000))
      while server.usage().heldBytes < 5000 { await Task.yield() }
      await client.close()
      while server.usage().connections > 0 { await Task.yield() }
      #expect(server.usage().heldBytes == 0)
    }
  }
}

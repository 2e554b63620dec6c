import ControlAPI
import ControlServer
import Inventory
import Testing

@testable import ControlClient

@Suite("What connections may take of the operators' side", .timeLimit(.minutes(1)))
struct BoundsTests {
  /// So short that tests see it pass, and so long that a busy machine answers meanwhile.
  private static let short = 250
  private static let long = 600_000

  private static func bounds(idle: Int = long, body: Int = long, linger: Int = long)
    -> ControlBounds
  {
    var bounds = ControlBounds()
    bounds.idleMilliseconds = idle
    bounds.bodyMilliseconds = body
    bounds.lingerMilliseconds = linger
    return bounds
  }

  private static let put =
    "PUT /v1/networks/a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"

  @Test("there are never more connections than there may be, and one that ends makes room")
  func number() async throws {
    var bounds = Self.bounds()
    bounds.socketConnections = 2
    try await withPlane(bounds: bounds) { plane in
      let first = try RawConnection(path: plane.socketPath)
      #expect(await first.get("/v1/health").hasPrefix("HTTP/1.1 200"))
      do {
        let second = try RawConnection(path: plane.socketPath)
        #expect(await second.get("/v1/health").hasPrefix("HTTP/1.1 200"))
        let third = try RawConnection(path: plane.socketPath)
        #expect(await third.get("/v1/health") == "")
        #expect(await second.get("/v1/health").hasPrefix("HTTP/1.1 200"))
      }
      // The server hears of it a moment after we do.
      var answer = ""
      while !answer.hasPrefix("HTTP/1.1 200"), !Task.isCancelled {
        answer = try await RawConnection(path: plane.socketPath).get("/v1/health")
      }
      #expect(await first.get("/v1/health").hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test("who asks nothing is sent away, before a request and after one")
  func idle() async throws {
    try await withPlane(bounds: Self.bounds(idle: Self.short)) { plane in
      #expect(try await RawConnection(path: plane.socketPath).isClosed())
      let asked = try RawConnection(path: plane.socketPath)
      #expect(await asked.get("/v1/health").hasPrefix("HTTP/1.1 200"))
      #expect(await asked.isClosed())
    }
  }

  @Test(
    "a head that does not come to its end ends the connection, however it comes",
    arguments: ["", "GET", "GET /v1/health HTTP/1.1\r\nHost: x\r\nX: "])
  func head(_ start: String) async throws {
    try await withPlane(bounds: Self.bounds(idle: Self.short)) { plane in
      let silent = try RawConnection(path: plane.socketPath)
      silent.send(start)
      #expect(await silent.isClosed())
      let trickling = try RawConnection(path: plane.socketPath)
      trickling.send(start)
      #expect(await trickling.isClosedWhileTrickling())
    }
  }

  @Test("a body that stops, or takes too long, ends the connection")
  func body() async throws {
    try await withPlane(bounds: Self.bounds(idle: Self.short)) { plane in
      let silent = try RawConnection(path: plane.socketPath)
      silent.send(Self.put)
      #expect(await silent.isClosed())
    }
    try await withPlane(bounds: Self.bounds(body: Self.short)) { plane in
      let trickling = try RawConnection(path: plane.socketPath)
      trickling.send(Self.put)
      #expect(await trickling.isClosedWhileTrickling())
    }
  }

  @Test("an apply may take longer than another body, as long as it goes on")
  func apply() async throws {
    try await withPlane(bounds: Self.bounds(body: Self.short)) { plane in
      let (documents, more) = AsyncStream.makeStream(of: JSONValue.self)
      async let applied = plane.client.apply(documents)
      more.yield(["kind": "Network", "id": "a"])
      // So long that a body of another kind would have been given up.
      let other = try RawConnection(path: plane.socketPath)
      other.send(Self.put)
      #expect(await other.isClosed())
      more.yield(["kind": "Network", "id": "b"])
      more.finish()
      #expect(try await applied.outcomes.count == 2)
    }
  }

  @Test("who goes on sending after the answer has a little time to read it")
  func linger() async throws {
    try await withPlane(bounds: Self.bounds(linger: Self.short)) { plane in
      let connection = try RawConnection(path: plane.socketPath)
      connection.send(Self.put.replacing("networks/a", with: "nothing"))
      #expect(await connection.isClosedWhileTrickling())
    }
  }

  @Test("an answer that nobody takes ends the connection")
  func unread() async throws {
    try await withPlane(bounds: Self.bounds(idle: Self.short)) { plane in
      let connection = try RawConnection(path: plane.socketPath)
      connection.fill(with: "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(await connection.isClosedUnread())
    }
  }

  @Test(
    "who reads an answer slowly gets all of it, though that takes longer than one may be idle; who stops does not"
  )
  func slowReader() async throws {
    let (idle, blobs) = (Duration.seconds(1), 16)
    try await withPlane(bounds: Self.bounds(idle: 1000)) { plane in
      let text = String(repeating: "x", count: Limits.maximumUserDataBytes)
      for number in 0..<blobs {
        _ = try await plane.client.create(
          instanceDocument(testID(number), "h", "192.0.2.\(number)", [("userData", .string(text))]),
          kind: .instance)
      }
      let start = ContinuousClock.now
      let slow = try RawConnection(path: plane.socketPath)
      slow.send("GET /v1/instances?limit=\(blobs) HTTP/1.1\r\nHost: x\r\n\r\n")
      let expected = blobs * text.utf8.count
      #expect(await slow.readSlowly(expected) == expected)
      #expect(.now - start > idle * 2, "it was read faster than is slow")
      let stopped = try RawConnection(path: plane.socketPath)
      stopped.send("GET /v1/instances?limit=\(blobs) HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(await stopped.readSlowly(100_000) == 100_000)
      #expect(await stopped.isClosedUnread())
    }
  }

  @Test("who waits for changes may be silent")
  func watch() async throws {
    try await withPlane(bounds: Self.bounds(idle: Self.short)) { plane in
      var seen: [String] = []
      try await plane.client.watch {
        // So long that who asks nothing has been sent away.
        let isClosed = try? await RawConnection(path: plane.socketPath).isClosed()
        #expect(isClosed == true)
        _ = try? await plane.client.create(["kind": "Network", "id": "a"], kind: .network)
      } _: { event, _ in
        if case .put(let record) = event { seen.append(record.resource.id.text) }
        return false
      }
      #expect(seen == ["a"])
    }
  }

  @Test("on the network too, who says nothing or does not come to the end of the handshake")
  func handshake() async throws {
    try await withNetworkPlane(bounds: Self.bounds(idle: Self.short)) { network in
      #expect(try await RawConnection(port: network.port).isClosed())
      let trickling = try RawConnection(port: network.port)
      // The head of a record that has more bytes than will come.
      trickling.send("\u{16}\u{3}\u{1}\u{3F}\u{7F}")
      #expect(await trickling.isClosedWhileTrickling())
    }
  }
}

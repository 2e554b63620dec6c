import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("Guests that send the same bytes", .timeLimit(.minutes(5)))
struct SameHeadTests {
  static let guests = 2...5
  static let path = "/latest/user-data"

  /// A way to ask for the same document, and what comes of it besides that.
  struct Form: Sendable {
    var text: String
    var status = 200
    var isHead = false
  }

  static let forms = [
    Form(text: "GET \(path) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"),
    Form(text: "\r\nGET \(path) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"),
    Form(text: "GET http://169.254.169.254\(path) HTTP/1.1\r\nHost: a\r\n\r\n"),
    Form(text: "GET //latest/./%75ser-data/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    Form(text: "GET \(path) HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    Form(text: "HEAD \(path) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", isHead: true),
    Form(text: "GET \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    Form(
      text: "GET \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n"
        + "GET / HTTP/1.0\r\n\r\n"),
    Form(
      text: "GET \(path) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "12\r\nGET / HTTP/1.0\r\n\r\n\r\n0\r\n\r\n"),
    Form(text: "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", status: 405),
    Form(text: "GET \(path)/x HTTP/1.1\r\nHost: a\r\n\r\n", status: 404),
    Form(
      text: "GET \(path) HTTP/1.1\r\nHost: a\r\nX-aws-ec2-metadata-token: none\r\n\r\n",
      status: 401),
  ]

  /// - Parameter version: Of the record; the documents of two are of two lengths.
  private static func document(_ guest: Int, _ version: Int) -> String {
    "u\(guest)" + String(repeating: "v", count: version % 7 + 1)
  }

  private static func declare(_ guest: Int, _ version: Int, _ server: RunningServer) async throws {
    try await server.store.declare(
      guest, address: "127.0.0.\(guest)",
      userData: document(guest, version))
  }

  @Test("get their own documents each, in whatever form, pieces and order, while records change")
  func own() async throws {
    try await RunningServer.with(rates: .unbounded) { server in
      for guest in Self.guests { try await Self.declare(guest, 0, server) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for guest in Self.guests {
          group.addTask { try await Self.ask(as: guest, of: server) }
        }
        group.addTask {
          for version in 1...100 {
            for guest in Self.guests { try await Self.declare(guest, version, server) }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  private static func ask(as guest: Int, of server: RunningServer) async throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<30 {
      let client = try await server.connect(from: "127.0.0.\(guest)")
      // One behind the other, cut anywhere.
      let asked = (0..<8).compactMap { _ in forms.randomElement(using: &random) }
      var rest = Substring(asked.map(\.text).joined())
      while !rest.isEmpty {
        let count = Bool.random(using: &random) ? 200 : Int.random(in: 1...300, using: &random)
        try await client.send(String(rest.prefix(count)))
        rest = rest.dropFirst(count)
      }
      for form in asked {
        let answer = try await client.response(toHEAD: form.isHead)
        #expect(answer.status == form.status, "\(form.text)")
        if form.status == 200, !form.isHead {
          #expect(answer.body.hasPrefix("u\(guest)v"), "\(guest) got \(answer.body)")
        }
      }
      await client.close()
    }
  }

  @Test("with a token that is one guest's: it is good for that one, however often it was read")
  func token() async throws {
    try await RunningServer.with(threads: 1) { server in
      for guest in Self.guests { try await Self.declare(guest, 0, server) }
      let owner = try await server.connect(from: "127.0.0.2")
      try await owner.send(
        "PUT /latest/api/token HTTP/1.1\r\nHost: a\r\n"
          + "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n")
      let token = try await owner.response().body
      let head =
        "GET \(Self.path) HTTP/1.1\r\nHost: a\r\nX-aws-ec2-metadata-token: \(token)\r\n\r\n"
      let other = try await server.connect(from: "127.0.0.3")
      for _ in 0..<4 {
        try await owner.send(head)
        let answer = try await owner.response()
        #expect(answer.status == 200 && answer.body == Self.document(2, 0))
        try await other.send(head)
        #expect(try await other.response().status == 401)
      }
    }
  }
}

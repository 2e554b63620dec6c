import Inventory
import MetadataService
import Testing

@testable import GuestServer

/// A page of another origin reads an answer only where a field lets it, and a client goes elsewhere
/// only where a field sends it: so every field of every answer stands in a list.
@Suite("The fields of every answer", .timeLimit(.minutes(1)))
struct ResponseFieldTests {
  /// What a field's value may be.
  static func isAllowed(_ field: String, value: String) -> Bool {
    switch field {
    case "Server": value == "nameplate"
    case "Date": value.hasSuffix(" GMT")
    case "Content-Type":
      ["text/plain; charset=UTF-8", "application/json", "application/octet-stream"]
        .contains(value)
    case "Content-Length", "Retry-After", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds",
      "X-Metadata-Token-Ttl-Seconds":
      !value.isEmpty && value.allSatisfy(\.isNumber)
    case "Allow": ["GET, HEAD", "GET, HEAD, POST", "OPTIONS, PUT"].contains(value)
    // Of a document, for a guest that waits for another.
    case "ETag": value.count == 18 && value.dropFirst().dropLast().allSatisfy(\.isHexDigit)
    case "Connection": ["close", "keep-alive"].contains(value)
    default: false
    }
  }

  static func foreign(in fields: [String]) -> [String] {
    fields.filter { line in
      guard let colon = line.firstIndex(of: ":") else { return true }
      let value = line[colon...].dropFirst(2)
      return !isAllowed(String(line[..<colon]), value: String(value))
    }
  }

  static let refusals: [Refusal] = [
    .unknownAddress, .ambiguousAddress([]), .translatedAddress(.v4(1), .ownHost),
    .endpointDisabled, .tokenRequired, .malformedTarget, .foreignHost("evil"), .notFound,
    .methodNotAllowed(allow: "GET, HEAD"), .passwordAlreadySet, .passwordTooLarge,
    .passwordNotUTF8, .storeUnavailable("x"), .vendorDataFailed(target: "x"), .tooManyPending,
    .malformedRequest("x"), .unsupportedVersion, .targetTooLong, .headTooLarge, .bodyTooLarge,
    .requestTimeout, .tooManyConnections, .tooManyRequests(retryAfterSeconds: 1),
    .tooManyBytes(retryAfterSeconds: 2), .tooMuchHeld, .macUnknown, .tokenInvalid(.expired),
    .tokenForwarded, .tokenTTL, .tokenKeyMissing,
  ]

  @Test("a refusal", arguments: refusals)
  func refusal(_ refusal: Refusal) {
    for connection in [GuestExchange.Reply.Connection.implied, .keepAlive, .close] {
      var buffer: [UInt8] = []
      ResponseWriter.write(
        GuestExchange.Reply(answer: GuestAnswer(refusal: refusal), connection: connection),
        date: HTTPDate(secondsSince1970: 0), into: &buffer)
      let lines = String(decoding: buffer, as: UTF8.self).split(
        separator: "\r\n", omittingEmptySubsequences: false
      )
      .map(String.init)
      #expect(lines[0].hasPrefix("HTTP/1.1 \(refusal.status) "))
      let fields = lines.dropFirst().prefix { !$0.isEmpty }
      #expect(fields.contains("Server: nameplate"))
      #expect(Self.foreign(in: Array(fields)) == [])
      let waits = [429, 503].contains(refusal.status) && refusal != .tooMuchHeld
      #expect(fields.contains { $0.hasPrefix("Retry-After: ") } == waits)
    }
  }

  @Test("every document and listing of every dialect, by GET and by HEAD")
  func documents() async throws {
    try await RunningServer.with(rates: .unbounded) { server in
      try await server.store.declare(1, address: "127.0.0.1", userData: "QUJD")
      let client = try await server.connect()
      var paths = ["/", "/openstack"]
      var seen = 0
      while let path = paths.popLast() {
        let answer = try await client.get(path)
        #expect(answer.status == 200, "\(path)")
        #expect(Self.foreign(in: answer.fields) == [], "\(path)")
        try await client.send(head("HEAD \(path) HTTP/1.1"))
        #expect(try await client.response(toHEAD: true).fields == answer.fields, "\(path)")
        seen += 1
        let isListing = path.hasSuffix("/") || path.split(separator: "/").count < 2
        guard isListing, !path.hasSuffix(".json") else { continue }
        let folder = path.hasSuffix("/") ? path : path + "/"
        for name in answer.body.split(separator: "\n") {
          let name = name.split(separator: "=").first.map(String.init) ?? ""
          let isFolder = folder == "/" || folder == "/openstack/"
          paths.append(folder + name + (isFolder && !name.hasSuffix("/") ? "/" : ""))
        }
      }
      #expect(seen > 100)
    }
  }

  static let oddities: [(String, Int)] = [
    (head("GET /nothing HTTP/1.1", "Origin: http://evil.example"), 404),
    (head("OPTIONS / HTTP/1.1", "Access-Control-Request-Method: GET"), 405),
    (head("PUT /latest/meta-data/ HTTP/1.1"), 405),
    (head("GET /a%zz HTTP/1.1"), 400), (head("GET //evil.example/../x HTTP/1.1"), 404),
    (head("GET /latest/meta-data?callback=x HTTP/1.1", "Origin: null"), 200),
    (head("GET /latest HTTP/1.0", "Connection: keep-alive"), 200),
    (head("GET /openstack/latest/meta_data.json HTTP/1.0"), 200),
    (head("POST /openstack/latest/password HTTP/1.1", "Content-Length: 1") + "x", 200),
    (head("PUT /latest/api/token HTTP/1.1", "X-aws-ec2-metadata-token-ttl-seconds: 5"), 200),
    (head("PUT /latest/api/token HTTP/1.1", "X-Metadata-Token-TTL-Seconds: 5"), 200),
    (head("PUT /latest/api/token HTTP/1.1", "X-Metadata-Token-TTL-Seconds: 0"), 400),
    (head("GET /latest/api/token HTTP/1.1"), 405),
    (head("GET / HTTP/1.1", "X-Metadata-Token: x"), 401),
    (head("GET / HTTP/1.1", "X-Metadata-Token: x", "X-aws-ec2-metadata-token: x"), 400),
    (head("GET / HTTP/2.0"), 505), ("nonsense\r\n\r\n", 400),
    ("GET /\(String(repeating: "a", count: 5000)) HTTP/1.1\r\n", 414),
    (head("GET /nameplate/probe/0123456789abcdef0123456789abcdef HTTP/1.1"), 200),
    ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
  ]

  @Test("no answer lets another origin read it or sends a client elsewhere", arguments: oddities)
  func oddity(_ request: String, _ status: Int) async throws {
    try await RunningServer.with(hosts: HostRule(check: .enforce)) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      try await client.send(request)
      let answer = try await client.response()
      #expect(answer.status == status)
      #expect(Self.foreign(in: answer.fields) == [])
      await client.close()
    }
  }

  @Test("a 100 has no fields at all")
  func interim() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let client = try await server.connect()
      try await client.send(
        head(
          "POST /openstack/latest/password HTTP/1.1", "Content-Length: 1", "Expect: 100-continue"))
      let answer = try await client.response()
      #expect(answer.status == 100)
      #expect(answer.fields == [])
      await client.close()
    }
  }
}

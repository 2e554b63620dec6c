import Inventory
import Testing

@testable import GuestServer

@Suite("Reading requests")
struct RequestParserTests {
  /// Input and what it is read as.
  static let taken: [(String, [String])] = [
    (head("GET / HTTP/1.1"), ["get /"]),
    (head("HEAD /latest/ HTTP/1.1"), ["head /latest/"]),
    (head("DELETE /x HTTP/1.1"), ["other /x"]),
    (head("get / HTTP/1.1"), ["other /"]),
    (head("PUT /latest/api/token HTTP/1.1"), ["put /latest/api/token"]),
    (head("GET http://169.254.169.254/x?y HTTP/1.1"), ["get http://169.254.169.254/x?y"]),
    (head("GET /\u{e9} HTTP/1.1"), ["get /\u{e9}"]),
    (head("OPTIONS * HTTP/1.1"), ["other *"]),
    ("GET / HTTP/1.0\r\n\r\n", ["get / 1.0 close"]),
    (head("GET / HTTP/1.0", "Connection: Keep-Alive"), ["get / 1.0"]),
    (head("GET / HTTP/1.1", "connection: foo , CLOSE"), ["get / close"]),
    (head("GET / HTTP/1.1", "Connection: keep-alive", "Connection: close"), ["get / close"]),
    (head("GET / HTTP/1.1", "Connection: closed, ,"), ["get /"]),
    (head("GET / HTTP/1.1", "X-Empty:", "X-Tab:\ta\tb\t", "X-High: \u{fc}"), ["get /"]),
    (head("GET / HTTP/1.1", "X-Forwarded-For: 10.0.0.9", "X-Instance-ID: a"), ["get /"]),
    ("\r\n\r\n" + head("GET / HTTP/1.1"), ["get /"]),
    (head("POST / HTTP/1.1", "Content-Length: 3") + "abc", ["post / [abc]"]),
    (head("POST / HTTP/1.1", "Content-Length: 03", "content-length:3") + "abc", ["post / [abc]"]),
    (head("POST / HTTP/1.1", "Content-Length: 0"), ["post /"]),
    (head("GET / HTTP/1.1", "Content-Length: 1") + "a", ["get / [a]"]),
    (head("GET /a HTTP/1.1") + head("GET /b HTTP/1.1"), ["get /a", "get /b"]),
    (
      head("POST / HTTP/1.1", "Content-Length: 2") + "ab\r\n" + head("GET /b HTTP/1.1"),
      ["post / [ab]", "get /b"]
    ),
    (head("POST / HTTP/1.1", "Transfer-Encoding: Chunked") + "0\r\n\r\n", ["post /"]),
    (
      head("POST / HTTP/1.1", "Transfer-Encoding: chunked")
        + "3\r\nabc\r\n0A;x=\"y\";z\r\n0123456789\r\n000\r\nExpires: never\r\n\r\n"
        + head("GET /b HTTP/1.1"),
      ["post / [abc0123456789]", "get /b"]
    ),
    (head("POST / HTTP/1.1", "Content-Length: 3") + "ab", ["…"]),
    (head("POST / HTTP/1.1", "Transfer-Encoding: chunked") + "2\r\nab\r\n", ["…"]),
    ("GET / HTTP/1.1\r\n", ["…"]),
    ("", []),
    ("\r\n", []),
  ]

  @Test("requests are read however their bytes are split", arguments: taken)
  func takes(_ input: String, _ expected: [String]) {
    #expect(outcomes(of: input) == expected)
    expectEverySplit(of: Array(input.utf8), toGive: expected)
  }

  static let hosts = [
    "169.254.169.254", "169.254.169.254:8080", "metadata.google.internal", "[fd00:ec2::254]",
    "[fe80::a9fe:a9fe%eth0]", "[fe80::a9fe:a9fe%25eth0]:80", "a_b:", "localhost:65535",
  ]

  @Test("the names that guests ask by are hosts", arguments: hosts)
  func takesHosts(_ host: String) {
    #expect(outcomes(of: "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == ["get /"])
  }

  static let badHosts = [
    "", " ", "a b", "a/b", "a@b", "[::1", "[]", "::1", "a:b", "a:123456", "[::1]x", "a\u{e9}",
    "a,b c",
  ]

  @Test("what is no host is refused", arguments: badHosts)
  func refusesHosts(_ host: String) {
    let input = "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    #expect(outcomes(of: input) == ["malformed-request"])
  }

  /// Input that is no request, and the shapes that make two readers see different requests.
  static let malformed: [String] = [
    "GET\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n", " GET / HTTP/1.1\r\n",
    "GET / HTTP/1.1 \r\n", "GET / http/1.1\r\n", "GET / HTTP/11\r\n", "GET / HTTP/1.10\r\n",
    "GET /\u{1} HTTP/1.1\r\n", "GET /\tx HTTP/1.1\r\n", "G@T / HTTP/1.1\r\n", "GET\t/ HTTP/1.1\r\n",
    "GET / HTTP/1.1\n", "\n", "\u{16}\u{3}\u{1}\u{2}\r\n", "GET / x HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    head("GET / HTTP/1.1", "Host: other"),
    head("GET / HTTP/1.0", "Host: other"),
    head("GET / HTTP/1.1", "X: a", " folded"), head("GET / HTTP/1.1", "X : a"),
    head("GET / HTTP/1.1", "\tX: a"), head("GET / HTTP/1.1", "X"), head("GET / HTTP/1.1", ": a"),
    head("GET / HTTP/1.1", "X: a\nY: b"), head("GET / HTTP/1.1", "X: a\rY: b"),
    head("GET / HTTP/1.1", "X: \u{0}"), head("GET / HTTP/1.1", "X: \u{7f}"),
    head("GET / HTTP/1.1", "X(: a"), head("GET / HTTP/1.1", "\u{e9}: a"),
    head("POST / HTTP/1.1", "Content-Length:"), head("POST / HTTP/1.1", "Content-Length: +3"),
    head("POST / HTTP/1.1", "Content-Length: -1"),
    head("POST / HTTP/1.1", "Content-Length: 0x3"), head("POST / HTTP/1.1", "Content-Length: 3,3"),
    head("POST / HTTP/1.1", "Content-Length: 3", "Content-Length: 4"),
    head("POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"),
    head("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Content-Length: 3"),
    head("POST / HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    head("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked"),
    head("POST / HTTP/1.1", "Transfer-Encoding: identity"),
    head("POST / HTTP/1.1", "Transfer-Encoding:"),
    head("POST / HTTP/1.1", "Transfer-Encoding: \u{b}chunked"),
    head("POST / HTTP/1.1", "Transfer-Encoding: xchunked"),
    head("POST / HTTP/1.0", "Transfer-Encoding: chunked"),
  ]

  @Test("what is no request is refused however it is split", arguments: malformed)
  func refuses(_ input: String) {
    #expect(outcomes(of: input) == ["malformed-request"])
    expectEverySplit(of: Array(input.utf8), toGive: ["malformed-request"])
  }

  static let malformedChunks: [String] = [
    "\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\n", ";x\r\n",
    "1;\u{1}\r\n", "1\r\nab\r\n", "1\r\na\n", "1\r\na\rx", "2\r\na\r\n\r\n0\r\n", "0\r\nX : y\r\n",
    "0\r\n folded\r\n", "0\r\nX: y\n",
  ]

  @Test("chunks that do not add up are refused", arguments: malformedChunks)
  func refusesChunks(_ body: String) {
    let input = head("POST / HTTP/1.1", "Transfer-Encoding: chunked") + body
    #expect(outcomes(of: input) == ["malformed-request"])
    expectEverySplit(of: Array(input.utf8), toGive: ["malformed-request"])
  }

  @Test(
    "other versions are refused by name",
    arguments: ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.1"])
  func refusesVersions(_ version: String) {
    #expect(outcomes(of: "PRI * \(version)\r\n") == ["unsupported-version"])
  }

  private func expectEverySplit(of input: [UInt8], toGive expected: [String]) {
    for boundary in input.indices {
      let pieces = [Array(input[..<boundary]), Array(input[boundary...])]
      #expect(outcomes(of: pieces) == expected, "split at \(boundary)")
    }
    #expect(outcomes(of: input.map { [$0] }) == expected, "byte by byte")
  }
}

import Testing

@testable import GuestAgent

@Suite("Answers")
struct ResponseParserTests {
  /// Reads an answer in pieces of a size, and the connection's end after it.
  static func read(_ text: String, pieces: Int = .max, limit: Int = 64, end: Bool = true)
    throws(AgentError) -> HTTPResponse?
  {
    var parser = ResponseParser(bodyLimit: limit)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      if let response = try parser.read(rest.prefix(pieces)) { return response }
      rest = rest.dropFirst(pieces)
    }
    return end ? try parser.readEnd() : nil
  }

  static let good: [(String, Int, String)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", 200, "hello"),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 200, "a"),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
      200, "hello"
    ),
  ]

  @Test("an answer is the same however its bytes arrive", arguments: good)
  func whole(text: String, status: Int, body: String) throws {
    for pieces in 1...text.utf8.count {
      let response = try #require(try Self.read(text, pieces: pieces))
      #expect(response.status == status && response.body == Array(body.utf8))
    }
  }

  static let bad: [(String, String)] = [
    ("", "closed without an answer"),
    ("SSH-2.0-OpenSSH_9.2p1\r\n", "no HTTP"),
    ("HTTP/2 200 OK\r\n\r\n", "no HTTP"),
    ("HTTP/1.1 99 No\r\n\r\n", "no HTTP"),
    ("HTTP/1.1 2000 No\r\n\r\n", "no HTTP"),
    ("HTTP/1.1 +20 No\r\n\r\n", "no HTTP"),
    ("<html>\n", "no HTTP"),
    ("HTTP/1.1 101 Switching\r\n\r\n", "switches"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "middle"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "middle"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", "more than 64"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "a length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "a length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "a length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "a length"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "two"),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "at once"
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer encoding"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "without a size"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "without a size"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", "more than 64"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "chunk that does not end"),
    ("HTTP/1.1 200 OK\r\n folded\r\n\r\n", "without a name"),
    ("HTTP/1.1 200 OK\r\nA\u{0}: b\r\n\r\n", "control characters"),
    ("HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "without a name"),
    ("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "a", count: 65), "more than 64"),
    ("HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 16 * 1024), "headers|endless"),
    (String(repeating: "HTTP/1.1 100 Go\r\n\r\n", count: 1000), "headers"),
  ]

  @Test("an answer that is broken, endless or ambiguous is refused", arguments: bad)
  func refused(text: String, reason: String) {
    for pieces in [1, 7, .max] {
      do throws(AgentError) {
        let response = try Self.read(text, pieces: pieces)
        Issue.record("taken as \(String(describing: response))")
      } catch {
        #expect(
          reason.split(separator: "|").contains { error.description.contains($0) }, "\(error)")
      }
    }
  }

  @Test("bytes that come with an answer and go on after its end are refused")
  func goesOn() throws {
    for text in [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
      "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n ",
    ] {
      #expect(throws: AgentError.self) { try Self.read(text) }
    }
  }

  @Test("a body at the bound is taken")
  func bound() throws {
    let body = String(repeating: "a", count: 64)
    for head in ["Content-Length: 64\r\n\r\n", "\r\n"] {
      #expect(try Self.read("HTTP/1.1 200 OK\r\n\(head)\(body)")?.body.count == 64)
    }
  }

  @Test(
    "a web page is known by its type or its start",
    arguments: [
      ("text/html; charset=UTF-8", "anything", true), ("", "<HTML>", true),
      ("", "\r\n <!DOCTYPE html>", true), ("text/plain", "<powershell>", false),
      ("application/json", "{}", false), ("", "", false),
    ])
  func webPage(type: String, body: String, isPage: Bool) {
    let response = HTTPResponse(status: 200, contentType: type, body: Array(body.utf8))
    #expect(response.looksLikeHTML == isPage)
  }

  @Test("seeded changes of good answers never trap")
  func mutations() {
    var seed: UInt64 = 7
    func random(_ count: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % count
    }
    for (text, _, _) in Self.good {
      for _ in 0..<2000 {
        var bytes = Array(text.utf8)
        for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
        _ = try? Self.read(String(decoding: bytes, as: UTF8.self), pieces: 1 + random(9))
      }
    }
  }
}

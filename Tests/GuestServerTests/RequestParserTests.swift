import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("The request parser")
struct RequestParserTests {
  static func parse(_ text: String) -> RequestParser.Step {
    var parser = RequestParser()
    parser.append(Array(text.utf8))
    var step = parser.next()
    if step == .expectsContinue { step = parser.next() }
    return step
  }

  static let requests: [(String, ParsedRequest)] = [
    (
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      ParsedRequest(method: .get, target: Array("/".utf8), keepAlive: true, body: [])
    ),
    (
      "\r\nHEAD /a HTTP/1.0\r\n\r\n",
      ParsedRequest(method: .head, target: Array("/a".utf8), keepAlive: false, body: [])
    ),
    (
      "GET /b HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
      ParsedRequest(method: .get, target: Array("/b".utf8), keepAlive: true, body: [])
    ),
    (
      "GET /c HTTP/1.1\r\nhOsT:[fe80::1%eth0]:80\r\nConnection: x, CLOSE\r\n\r\n",
      ParsedRequest(method: .get, target: Array("/c".utf8), keepAlive: false, body: [])
    ),
    (
      "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nX-aws: 1\r\n\r\n",
      ParsedRequest(
        method: .put, target: Array("/latest/api/token".utf8), keepAlive: true, body: [])
    ),
    (
      "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
      ParsedRequest(
        method: .post, target: Array("/p".utf8), keepAlive: true, body: Array("hello".utf8))
    ),
    (
      "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nT: v\r\n\r\n",
      ParsedRequest(
        method: .post, target: Array("/p".utf8), keepAlive: true, body: Array("hello".utf8))
    ),
    (
      "FOO /f HTTP/1.1\r\nHost: x\r\n\r\n",
      ParsedRequest(method: .other, target: Array("/f".utf8), keepAlive: true, body: [])
    ),
  ]

  @Test("a request reads the same however its bytes are split", arguments: requests.indices)
  func splits(index: Int) {
    let (text, expected) = Self.requests[index]
    let bytes = Array(text.utf8)
    for first in 0...bytes.count {
      for second in [first, (first + bytes.count) / 2, bytes.count] {
        var parser = RequestParser()
        var found: [ParsedRequest] = []
        for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
          parser.append(piece)
          while true {
            let step = parser.next()
            if case .request(let request) = step { found.append(request) }
            if step == .needMore { break }
            if case .failed(let refusal) = step {
              Issue.record("\(refusal) at \(first), \(second)")
              break
            }
          }
        }
        #expect(found == [expected])
        #expect(parser.buffered == 0)
      }
    }
  }

  @Test("pipelined requests come out in their order")
  func pipelined() {
    var parser = RequestParser()
    for (text, _) in Self.requests { parser.append(Array(text.utf8)) }
    for (_, expected) in Self.requests { #expect(parser.next() == .request(expected)) }
    #expect(parser.next() == .needMore)
  }

  @Test(
    "what is ambiguous or malformed is refused",
    arguments: [
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n: v\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nab",
      "\u{16}\u{3}\u{1}\r\n\r\n",
    ])
  func malformed(text: String) {
    guard case .failed(let refusal) = Self.parse(text) else {
      Issue.record("was taken")
      return
    }
    #expect(refusal.status == 400)
  }

  @Test(
    "other versions of HTTP are refused as such", arguments: ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9"])
  func versions(version: String) {
    #expect(Self.parse("GET / \(version)\r\nHost: a\r\n\r\n") == .failed(.unsupportedVersion))
  }

  static func filled(_ count: Int) -> String { String(repeating: "a", count: count) }

  @Test("every bound is taken at its limit and refused one past it", arguments: [0, 1])
  func limits(past: Int) {
    let target = "/" + Self.filled(Limits.maximumRequestTargetBytes - 1 + past)
    let headers = String(repeating: "A: b\r\n", count: Limits.maximumRequestHeaders - 1 + past)
    let length = Limits.maximumRequestBodyBytes + past
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    let filler = Self.filled(Limits.maximumRequestHeadBytes - head.utf8.count - 4 + past)
    let cases: [(String, Refusal)] = [
      ("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", .targetTooLong),
      ("GET / HTTP/1.1\r\nHost: a\r\n\(headers)\r\n", .headTooLarge),
      ("\(head)\(filler)\r\n\r\n", .headTooLarge),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n\(Self.filled(length))",
        .bodyTooLarge
      ),
    ]
    for (text, refusal) in cases {
      let step = Self.parse(text)
      if past == 1 {
        #expect(step == .failed(refusal))
      } else if case .request = step {
      } else {
        Issue.record("\(refusal) at its limit gave \(step)")
      }
    }
  }

  @Test("an endless request line, head or size line is refused before it ends")
  func endless() {
    for (text, refusal) in [
      ("GET /" + Self.filled(4000), Refusal.targetTooLong),
      ("GET / HTTP/1.1\r\nX: " + Self.filled(20_000), .headTooLarge),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + Self.filled(20_000),
        .bodyTooLarge
      ),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        .bodyTooLarge
      ),
    ] {
      #expect(Self.parse(text) == .failed(refusal))
    }
  }

  @Test("a word is given before a body that waits for it, once")
  func expect100() {
    var parser = RequestParser()
    parser.append(
      Array("POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".utf8)
    )
    #expect(parser.next() == .expectsContinue)
    #expect(parser.next() == .needMore)
    parser.append(Array("ab".utf8))
    guard case .request(let request) = parser.next() else {
      Issue.record("no request")
      return
    }
    #expect(request.body == Array("ab".utf8))
  }

  @Test("mutated requests end in a request, a refusal or a wait, never in a trap")
  func fuzz() {
    var generator = SplitMix(state: 0x5EED)
    for round in 0..<20_000 {
      var bytes = Array(Self.requests[round % Self.requests.count].0.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
        default: bytes.insert(contentsOf: [0x0D, 0x0A], at: at)
        }
        if bytes.isEmpty { bytes = [0] }
      }
      var parser = RequestParser()
      for piece in bytes.split(separator: bytes[bytes.count / 2], omittingEmptySubsequences: false)
      {
        parser.append(piece)
        for _ in 0..<8 {
          let step = parser.next()
          if step == .needMore { break }
          if case .failed = step { break }
        }
      }
    }
  }
}

/// A small generator with a seed, so that a failure can be had again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

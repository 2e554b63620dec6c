import Inventory
import Testing

@testable import GuestServer

@Suite("The limits of a request")
struct RequestLimitsTests {
  @Test("a target at its limit is taken, one past it refused")
  func target() {
    let longest = "/" + String(repeating: "a", count: Limits.maximumRequestTargetBytes - 1)
    #expect(bothWays(head("GET \(longest) HTTP/1.1")) == ["get \(longest)"])
    #expect(bothWays(head("GET \(longest)a HTTP/1.1")) == ["target-too-long"])
    let endless = "GET /" + String(repeating: "a", count: 100_000)
    #expect(bothWays(endless) == ["target-too-long"])
    #expect(bothWays("GET / " + String(repeating: "a", count: 9000)) == ["malformed-request"])
  }

  @Test("a method at its limit is taken, one past it refused")
  func method() {
    let longest = String(repeating: "M", count: RequestHead.maximumMethodBytes)
    #expect(bothWays(head("\(longest) / HTTP/1.1")) == ["other /"])
    #expect(bothWays(head("M\(longest) / HTTP/1.1")) == ["malformed-request"])
    #expect(bothWays(String(repeating: "M", count: 9000)) == ["malformed-request"])
    let target = "/" + String(repeating: "a", count: Limits.maximumRequestTargetBytes - 1)
    #expect(bothWays(head("\(longest) \(target) HTTP/1.1")) == ["other \(target)"])
  }

  @Test("a head at its limit is taken, one past it refused")
  func head16K() {
    let start = head("GET / HTTP/1.1", "X: ")
    let room = Limits.maximumRequestHeadBytes - start.utf8.count
    for (extra, expected) in [(room, "get /"), (room + 1, "head-too-large")] {
      let filling = String(repeating: "x", count: extra)
      #expect(bothWays(head("GET / HTTP/1.1", "X: \(filling)")) == [expected])
    }
    let endless = "GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 100_000)
    #expect(bothWays(endless) == ["head-too-large"])
  }

  @Test("as many fields as the limit are taken, one more refused")
  func fields() {
    for (count, expected) in [
      (Limits.maximumRequestHeaders - 1, "get /"), (Limits.maximumRequestHeaders, "head-too-large"),
    ] {
      let fields = String(repeating: "X: y\r\n", count: count)
      let input = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
      #expect(bothWays(input) == [expected])
    }
  }

  @Test("a body at its limit is taken, one past it refused")
  func body() {
    let limit = Limits.maximumRequestBodyBytes
    let longest = String(repeating: "b", count: limit)
    let fixed = { (count: Int) in head("POST / HTTP/1.1", "Content-Length: \(count)") }
    #expect(bothWays(fixed(limit) + longest) == ["post / [\(longest)]"])
    #expect(bothWays(fixed(limit + 1) + longest) == ["body-too-large"])
    let huge = head("POST / HTTP/1.1", "Content-Length: \(String(repeating: "9", count: 300))")
    #expect(bothWays(huge) == ["body-too-large"])
  }

  @Test("a chunked body at its limit is taken, one past it refused")
  func chunkedBody() {
    let chunked = head("POST / HTTP/1.1", "Transfer-Encoding: chunked")
    let limit = Limits.maximumRequestBodyBytes
    let half = String(repeating: "b", count: limit / 2)
    let size = String(limit / 2, radix: 16)
    let two = "\(size)\r\n\(half)\r\n\(size)\r\n\(half)\r\n"
    #expect(bothWays(chunked + two + "0\r\n\r\n") == ["post / [\(half)\(half)]"])
    #expect(bothWays(chunked + two + "1\r\nb\r\n") == ["body-too-large"])
    #expect(bothWays(chunked + String(repeating: "F", count: 100) + "\r\n") == ["body-too-large"])
  }

  @Test("a chunk's line at its limit is taken, one past it refused")
  func chunkLine() {
    let chunked = head("POST / HTTP/1.1", "Transfer-Encoding: chunked")
    let filling = String(repeating: "e", count: RequestParser.maximumChunkLineBytes - 2)
    #expect(bothWays(chunked + "0;\(filling)\r\n\r\n") == ["post /"])
    #expect(bothWays(chunked + "0;\(filling)e\r\n\r\n") == ["malformed-request"])
    #expect(bothWays(chunked + String(repeating: "0", count: 1000)) == ["malformed-request"])
  }

  @Test("trailers at a head's limits are taken, past them refused")
  func trailers() {
    let start = head("POST / HTTP/1.1", "Transfer-Encoding: chunked") + "0\r\n"
    for (extra, expected) in [(0, "post /"), (1, "head-too-large")] {
      let filling = String(
        repeating: "x", count: Limits.maximumRequestHeadBytes - "X: \r\n\r\n".utf8.count + extra)
      #expect(bothWays(start + "X: \(filling)\r\n\r\n") == [expected])
      let fields = String(repeating: "X: y\r\n", count: Limits.maximumRequestHeaders + extra)
      #expect(bothWays(start + fields + "\r\n") == [expected])
    }
  }

  @Test("as many empty lines as the limit are skipped before a request, one more refused")
  func emptyLines() {
    let lines = String(repeating: "\r\n", count: RequestParser.maximumLeadingLines)
    #expect(bothWays(lines + head("GET / HTTP/1.1")) == ["get /"])
    #expect(bothWays(lines + "\r\n" + head("GET / HTTP/1.1")) == ["malformed-request"])
  }

  /// The outcomes, which must be the same in one piece and byte by byte.
  private func bothWays(_ input: String) -> [String] {
    let whole = outcomes(of: input)
    #expect(outcomes(of: input.utf8.map { [$0] }) == whole)
    return whole
  }
}

@Suite("Input at random")
struct RequestFuzzTests {
  static let seeds =
    RequestParserTests.taken.map(\.0) + RequestParserTests.malformed
    + RequestParserTests.malformedChunks.map {
      head("POST / HTTP/1.1", "Transfer-Encoding: chunked") + $0
    }

  @Test("mutated requests end in requests, a refusal or a wish for more, however they are split")
  func mutations() {
    var random = SeededGenerator(seed: 20_250_404)
    let words = [
      "\r\n", "\n", "\r", ":", " ", "\t", ";", "0", "FFFFFFFF", "chunked", "Content-Length: 5\r\n",
      "Transfer-Encoding: chunked\r\n", "Host: x\r\n", "HTTP/1.1", "\u{0}", "\u{ff}", "%", "[", "]",
    ].map { Array($0.utf8) }
    for round in 0..<4000 {
      var input = Array((Self.seeds.randomElement(using: &random) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        mutate(&input, words, &random)
      }
      let whole = outcomes(of: [input])
      let pieces = split(input, &random)
      #expect(outcomes(of: pieces) == whole, "round \(round)")
    }
  }

  @Test("an exchange that is fed bytes at random always ends, and keeps no more than its limit")
  func exchanges() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<1000 {
      var machine = ExchangeDriver()
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        var input = Array((Self.seeds.randomElement(using: &random) ?? "").utf8)
        if Bool.random(using: &random) { mutate(&input, [[0], [10]], &random) }
        for piece in split(input, &random) { machine.receive(piece) }
      }
      machine.inputClosed()
      machine.written()
      #expect(machine.exchange.state == .closed)
    }
  }

  private func mutate(
    _ input: inout [UInt8], _ words: [[UInt8]], _ random: inout SeededGenerator
  ) {
    let place = Int.random(in: 0...input.count, using: &random)
    let end = min(input.count, place + Int.random(in: 0...8, using: &random))
    switch Int.random(in: 0..<4, using: &random) {
    case 0: input.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
    case 1: input.removeSubrange(place..<end)
    case 2: input.insert(contentsOf: Array(input[place..<end]), at: place)
    default:
      for index in place..<end where Bool.random(using: &random) {
        input[index] = UInt8.random(in: 0...255, using: &random)
      }
    }
  }

  private func split(_ input: [UInt8], _ random: inout SeededGenerator) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var rest = input[...]
    while !rest.isEmpty {
      let piece = rest.prefix(Int.random(in: 1...40, using: &random))
      pieces.append(Array(piece))
      rest = rest.dropFirst(piece.count)
    }
    return pieces
  }
}

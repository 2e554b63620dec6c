import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("Heads that were read before")
struct KnownHeadsTests {
  static let inputs = [
    "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.0\r\n\r\n",
    "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\nX-aws-ec2-metadata-token: t\r\n\r\n",
    "\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nGET",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\n", "\r\n", "GET /a HTTP/1.1\r\n\r\n", "GET /a\r\n\r\n", "",
    "GET /\(String(repeating: "a", count: 600)) HTTP/1.1\r\nHost: h\r\n\r\n",
  ]

  @Test("whatever was read before, the same comes of the same bytes", arguments: inputs)
  func same(input: String) {
    var fresh = ExchangeDriver()
    fresh.receive(input)
    fresh.inputClosed()
    let expected = fresh.takeActions()
    var heads = KnownHeads()
    for _ in 0..<3 {
      for other in [input] + Self.inputs + [input] {
        var driver = ExchangeDriver()
        driver.heads = heads
        driver.receive(other)
        driver.inputClosed()
        heads = driver.heads
        if other == input { #expect(driver.takeActions() == expected) }
      }
    }
  }

  @Test("the rest of a head that has begun is not taken for one of its own")
  func rest() {
    let head = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    var driver = ExchangeDriver()
    // What is sent twice is known from then on.
    driver.receive(head)
    driver.receive(head)
    driver.receive("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: \(head.utf8.count)\r\n\r\n")
    driver.receive(head)
    driver.receive("GET /c HTTP/1.1\r\nX: ")
    driver.receive(head)
    #expect(
      driver.takeActions() == [
        "ask get /a", "send 200", "ask get /a", "send 200", "ask post /b", "send 200",
        // The head is a field's value, and then a field.
        "ask get /c", "send 200",
      ])
  }

  @Test("a head that is sent twice asks the same question from then on, and others another")
  func question() throws {
    var heads = KnownHeads()
    let asked = try ["1", "1", "2", "1", "1"].map { number in
      try #require(Self.ask("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n", &heads))
    }
    #expect(asked[0] !== asked[1] && asked[1] === asked[3] && asked[1] === asked[4])
    #expect(
      asked.map { String(decoding: $0.target, as: UTF8.self) } == ["/1", "/1", "/2", "/1", "/1"])
  }

  @Test("no head is known that is longer than heads are", arguments: [512, 513])
  func bound(bytes: Int) throws {
    var heads = KnownHeads()
    let (start, end) = ("GET /", " HTTP/1.1\r\nHost: h\r\n\r\n")
    let path = String(repeating: "a", count: bytes - start.utf8.count - end.utf8.count)
    let asked = try (1...3).map { _ in try #require(Self.ask(start + path + end, &heads)) }
    #expect((asked[1] === asked[2]) == (bytes == 512))
  }

  @Test("heads without end leave no more behind than there are places, and those in use stay")
  func many() throws {
    var heads = KnownHeads()
    let head = "GET /known HTTP/1.1\r\nHost: h\r\n\r\n"
    var questions: Set<ObjectIdentifier> = []
    var kept: [Question] = []
    for number in 10_000..<20_000 {
      // As long as the one that is known, and some in its place.
      let other = try #require(Self.ask("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n", &heads))
      #expect(other.target == Array("/\(number)".utf8))
      let question = try #require(Self.ask(head, &heads))
      if questions.insert(ObjectIdentifier(question)).inserted { kept.append(question) }
    }
    // Once read, and once kept: none of the others, which come once each, takes its place.
    #expect(kept.count == 2)
  }

  /// What is asked by a connection's first bytes.
  private static func ask(_ input: String, _ heads: inout KnownHeads) -> Question? {
    var exchange = GuestExchange(timeouts: ExchangeDriver.timeouts, now: 0)
    var offset = 0
    let bytes = Array(input.utf8)
    guard
      case .ask(let question, _) = exchange.next(
        bytes.span, from: &offset, heads: &heads, now: 0)
    else { return nil }
    return question
  }
}

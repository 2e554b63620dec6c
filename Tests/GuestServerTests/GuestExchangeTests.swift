import Inventory
import MetadataService
import Testing

@testable import GuestServer

@Suite("A connection's life")
struct GuestExchangeTests {
  static let get = head("GET /a HTTP/1.1")

  // MARK: Requests

  @Test("pipelined requests are answered one after another, in order")
  func pipelining() {
    var machine = ExchangeDriver()
    machine.receive(Self.get + head("HEAD /b HTTP/1.1") + head("PUT /c HTTP/1.1"))
    #expect(
      machine.takeActions() == [
        "ask get /a", "send 200", "ask head /b", "send 200 head", "ask put /c", "send 200",
      ])
    #expect(machine.exchange.state == .idle)
  }

  @Test("nothing more is asked while an answer is outstanding")
  func oneAtATime() {
    var machine = ExchangeDriver(answersAtOnce: false)
    machine.receive(Self.get + head("GET /b HTTP/1.1"))
    machine.receive(head("GET /c HTTP/1.1"))
    #expect(machine.takeActions() == ["ask get /a"])
    machine.answer()
    #expect(machine.takeActions() == ["send 200", "ask get /b"])
    machine.answer(404)
    #expect(machine.takeActions() == ["send 404", "ask get /c"])
    machine.answer()
    machine.answer()
    #expect(machine.takeActions() == ["send 200"])
  }

  @Test("reading stops before more is pipelined than the limit, and goes on after the answer")
  func pipelineLimit() {
    var machine = ExchangeDriver(answersAtOnce: false)
    machine.receive(Self.get)
    machine.receive([UInt8](repeating: 0, count: GuestExchange.pauseBytes - 1))
    #expect(machine.exchange.wantsInput)
    machine.receive([0])
    #expect(!machine.exchange.wantsInput)
    machine.receive([UInt8](repeating: 0, count: GuestExchange.maximumReadBytes))
    machine.answer()
    #expect(machine.takeActions() == ["ask get /a", "send 200", "refuse 400 close", "finish"])
  }

  @Test("what comes past the limit with the end of input is dropped; what fitted is answered")
  func pipelineOverflow() {
    var machine = ExchangeDriver(answersAtOnce: false)
    machine.receive(Self.get)
    let fitting = Limits.maximumPipelinedBytes / Self.get.utf8.count
    for _ in 0...fitting { machine.receive(Self.get) }
    machine.answersAtOnce = true
    machine.answer()
    let sent = machine.takeActions().filter { $0 == "send 200" }
    #expect(sent.count == fitting + 1)
    #expect(machine.exchange.state == .flushing(lingers: false))
  }

  static let persistenceCases: [(String, [String], GuestExchange.State)] = [
    (head("GET / HTTP/1.1"), ["send 200"], .idle),
    (
      head("GET / HTTP/1.1", "Connection: close"), ["send 200 close", "finish"],
      .flushing(lingers: false)
    ),
    (head("GET / HTTP/1.0"), ["send 200 close", "finish"], .flushing(lingers: false)),
    (head("GET / HTTP/1.0", "Connection: keep-alive"), ["send 200 keepAlive"], .idle),
    (
      head("GET / HTTP/1.1", "Connection: close") + "more", ["send 200 close", "finish"],
      .flushing(lingers: true)
    ),
  ]

  @Test("a connection goes on as the guest asks", arguments: persistenceCases)
  func persistence(_ input: String, _ expected: [String], _ state: GuestExchange.State) {
    var machine = ExchangeDriver()
    machine.receive(input)
    #expect(Array(machine.takeActions().dropFirst()) == expected)
    #expect(machine.exchange.state == state)
  }

  @Test("a guest is told to send its body only where it waits for that")
  func expectation() {
    let post = head("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
    var machine = ExchangeDriver()
    machine.receive(post)
    #expect(machine.takeActions() == ["continue"])
    machine.receive("ab")
    #expect(machine.takeActions() == ["ask post /", "send 200"])
    machine.receive(post + "a")
    machine.receive("b")
    #expect(machine.takeActions() == ["ask post /", "send 200"])
    machine.receive(head("POST / HTTP/1.1", "Content-Length: 0", "Expect: 100-continue"))
    #expect(machine.takeActions() == ["ask post /", "send 200"])
    machine.receive(head("POST / HTTP/1.1", "Content-Length: 2", "Expect: tea"))
    #expect(machine.takeActions() == [])
    machine.receive("ab")
    machine.receive(
      head(
        "POST / HTTP/1.0", "Content-Length: 2", "Expect: 100-continue", "Connection: keep-alive"))
    #expect(machine.takeActions() == ["ask post /", "send 200"])
  }

  @Test("a refused request is answered, and the guest has time to read the answer")
  func refusal() {
    var machine = ExchangeDriver()
    machine.receive("nonsense\r\n" + Self.get)
    #expect(machine.takeActions() == ["refuse 400 close", "finish"])
    machine.written()
    #expect(machine.takeActions() == ["half-close"])
    machine.receive(Self.get)
    #expect(machine.takeActions() == [])
    machine.receive([UInt8](repeating: 0, count: GuestExchange.maximumDiscardedBytes))
    #expect(machine.takeActions() == ["close"])
  }

  @Test("a refusal to HEAD has no body")
  func headRefusal() {
    var machine = ExchangeDriver()
    machine.receive(head("HEAD / HTTP/1.1", "Content-Length: 99999"))
    #expect(machine.takeActions() == ["refuse 413 head close", "finish"])
  }

  @Test("over its budget a guest gets one 429 and is not heard until the time is over")
  func throttled() {
    var machine = ExchangeDriver()
    machine.throttledSeconds = 2
    machine.receive(Self.get + head("GET /b HTTP/1.1"))
    #expect(machine.takeActions() == ["ask get /a", "send 429"])
    #expect(machine.exchange.state == .paused)
    #expect(!machine.exchange.wantsInput)
    #expect(machine.exchange.deadline == machine.now + 2000)
    machine.receive(head("GET /c HTTP/1.1"))
    #expect(machine.takeActions() == [])
    machine.throttledSeconds = nil
    machine.reachDeadline()
    #expect(machine.takeActions() == ["ask get /b", "send 200", "ask get /c", "send 200"])
    #expect(machine.exchange.state == .idle)
  }

  @Test("over its budget a connection ends as the guest asks, or as the server does")
  func throttledEnds() {
    var machine = ExchangeDriver()
    machine.throttledSeconds = 1
    machine.receive(head("GET / HTTP/1.1", "Connection: close"))
    #expect(machine.takeActions() == ["ask get /", "send 429 close", "finish"])
    machine = ExchangeDriver()
    machine.throttledSeconds = 1
    machine.receive(Self.get)
    machine.shutDown()
    #expect(machine.takeActions().last == "finish")
    machine = ExchangeDriver()
    machine.throttledSeconds = 1
    machine.receive(Self.get)
    machine.inputClosed()
    #expect(machine.takeActions().last == "send 429")
    machine.reachDeadline()
    #expect(machine.takeActions() == ["finish"])
    machine = ExchangeDriver()
    machine.throttledSeconds = 9
    machine.receive(Self.get)
    machine.writable(false)
    _ = machine.takeActions()
    machine.reachDeadline()
    #expect(machine.takeActions() == ["close"])
  }

  // MARK: Deadlines

  @Test("an idle connection is closed without a word")
  func idleDeadline() {
    var machine = ExchangeDriver()
    #expect(machine.exchange.deadline == 1300)
    machine.receive(Self.get)
    machine.now = 1200
    machine.receive(Self.get)
    #expect(machine.exchange.deadline == 1500)
    machine.reachDeadline()
    #expect(machine.actions.last == "close")
  }

  @Test("a head that does not end in time gets a 408, however busily it drips")
  func headDeadline() {
    var machine = ExchangeDriver()
    machine.receive("GET")
    #expect(machine.exchange.deadline == 1100)
    machine.now = 1099
    machine.receive(" /")
    #expect(machine.exchange.deadline == 1100)
    machine.reachDeadline()
    #expect(machine.takeActions() == ["refuse 408 close", "finish"])
  }

  @Test("a body that does not end in time gets a 408")
  func bodyDeadline() {
    var machine = ExchangeDriver()
    machine.receive(head("POST / HTTP/1.1", "Content-Length: 9"))
    machine.now = 1150
    machine.receive("ab")
    #expect(machine.exchange.deadline == 1200)
    machine.reachDeadline()
    #expect(machine.takeActions() == ["refuse 408 close", "finish"])
  }

  @Test("a request that waits for its answer has no deadline of its own")
  func askedDeadline() {
    var machine = ExchangeDriver(answersAtOnce: false)
    machine.receive(Self.get)
    #expect(machine.exchange.deadline == .max)
  }

  @Test("a guest that takes no answers is asked nothing, then closed")
  func writeDeadline() {
    var machine = ExchangeDriver()
    machine.writable(false)
    machine.receive(Self.get)
    #expect(machine.takeActions() == [])
    #expect(machine.exchange.deadline == 1400)
    machine.writable(true)
    #expect(machine.takeActions() == ["ask get /a", "send 200"])
    machine.now = 1200
    machine.writable(false)
    #expect(machine.exchange.deadline == 1600)
    machine.reachDeadline()
    #expect(machine.takeActions() == ["close"])
  }

  @Test("an answer that is not taken, and a guest that lingers, have their deadlines")
  func endDeadlines() {
    var machine = ExchangeDriver()
    machine.receive("nonsense\r\n")
    #expect(machine.exchange.deadline == 1400)
    machine.written()
    #expect(machine.exchange.deadline == 1500)
    machine.now = 1400
    machine.receive("more")
    #expect(machine.exchange.deadline == 1500)
    machine.reachDeadline()
    #expect(machine.actions.last == "close")
    #expect(machine.exchange.deadline == .max)
  }

  // MARK: Every event in every state

  /// A way into a state, and what the events do there, in the order of `events`.
  struct Row: Sendable, CustomStringConvertible {
    let description: String
    let state: GuestExchange.State
    let outcomes: [String]
    let enter: @Sendable (inout ExchangeDriver) -> Void

    init(
      _ description: String, _ state: GuestExchange.State, _ outcomes: [String],
      _ enter: @escaping @Sendable (inout ExchangeDriver) -> Void
    ) {
      self.description = description
      self.state = state
      self.outcomes = outcomes
      self.enter = enter
    }
  }

  static let events: [(String, @Sendable (inout ExchangeDriver) -> Void)] = [
    ("a request", { $0.receive(get) }),
    ("an answer", { $0.answer() }),
    ("the end of input", { $0.inputClosed() }),
    ("the deadline", { $0.reachDeadline() }),
    ("a shutdown", { $0.shutDown() }),
    ("the end of writing", { $0.written() }),
    ("the connection's end", { $0.closed() }),
  ]

  static let rows: [Row] = [
    Row("idle", .idle, ["ask get /a", "", "finish", "close", "finish", "", ""]) { _ in },
    Row(
      "within a head", .head,
      ["refuse 400 close, finish", "", "finish", "refuse 408 close, finish", "", "", ""]
    ) { $0.receive("GET / HTTP/1.1\r\nHost") },
    Row(
      "within a body", .body, ["ask post /", "", "finish", "refuse 408 close, finish", "", "", ""]
    ) {
      $0.receive(head("POST / HTTP/1.1", "Content-Length: 1"))
    },
    Row("asked", .asked, ["", "send 200", "", "", "", "", ""]) { $0.receive(get) },
    Row("asked, to close", .asked, ["", "send 200 close, finish", "", "", "", "", ""]) {
      $0.receive(head("GET /a HTTP/1.0"))
    },
    Row("asked, at the end of input", .asked, ["", "send 200, finish", "", "", "", "", ""]) {
      $0.receive(get)
      $0.inputClosed()
    },
    Row("asked, draining", .asked, ["", "send 200 close, finish", "", "", "", "", ""]) {
      $0.receive(get)
      $0.shutDown()
    },
    Row("writing the last", .flushing(lingers: false), ["", "", "", "close", "", "close", ""]) {
      $0.receive(head("GET /a HTTP/1.0"))
      $0.answer()
    },
    Row("writing a refusal", .flushing(lingers: true), ["", "", "", "close", "", "half-close", ""])
    {
      $0.receive("nonsense\r\n")
    },
    Row("turned away", .flushing(lingers: true), ["", "", "", "close", "", "half-close", ""]) {
      $0.turnAway()
    },
    Row("lingering", .lingering, ["", "", "close", "close", "", "", ""]) {
      $0.receive("nonsense\r\n")
      $0.written()
    },
    Row("closed", .closed, ["", "", "", "", "", "", ""]) { $0.closed() },
    Row("unwritable", .idle, ["", "", "finish", "close", "finish", "", ""]) { $0.writable(false) },
    Row("unwritable, with a request", .idle, ["", "", "", "close", "finish", "", ""]) {
      $0.writable(false)
      $0.receive(get)
    },
  ]

  @Test("each event does in each state what it should", arguments: rows)
  func matrix(_ row: Row) {
    for ((event, perform), expected) in zip(Self.events, row.outcomes) {
      var machine = ExchangeDriver(answersAtOnce: false)
      row.enter(&machine)
      #expect(machine.exchange.state == row.state)
      _ = machine.takeActions()
      perform(&machine)
      #expect(machine.takeActions().joined(separator: ", ") == expected, "\(event)")
    }
    #expect(row.outcomes.count == Self.events.count)
  }

  @Test("a connection that has not asked yet is given a moment to, and one answer")
  func drainingFresh() {
    var machine = ExchangeDriver()
    machine.shutDown(waitsForFirst: true)
    #expect(machine.takeActions() == [])
    machine.now += 499
    machine.receive(Self.get)
    #expect(machine.takeActions() == ["ask get /a", "send 200 close", "finish"])
    machine = ExchangeDriver()
    machine.receive(Self.get)
    machine.shutDown(waitsForFirst: true)
    #expect(machine.takeActions().last == "finish")
    machine = ExchangeDriver()
    machine.now = 1250
    machine.shutDown(waitsForFirst: true)
    #expect(machine.exchange.deadline == 1300, "it is not longer than it would have been")
    machine.reachDeadline()
    #expect(machine.takeActions() == ["close"])
  }

  @Test("draining finishes a request that has begun, and says that it was the last")
  func draining() {
    var machine = ExchangeDriver()
    machine.receive("GET /a HTTP/1.1\r\n")
    machine.shutDown()
    #expect(machine.takeActions() == [])
    machine.receive("Host: a\r\n\r\n")
    #expect(machine.takeActions() == ["ask get /a", "send 200 close", "finish"])
  }
}

import Inventory
import MetadataService

@testable import GuestServer

/// However a guest's bytes are cut, the same requests come out, within their bounds; and the whole
/// way from bytes to answer ends in an answer.
func fuzzRequests(_ input: [UInt8]) {
  let ways = Pieces.ways(of: input)
  let parsed = parse(ways[0])
  for way in ways.dropFirst() {
    expectEqual(parse(way), parsed, "another cut gives other requests")
  }
  // What one connection has read, the others know.
  var heads = KnownHeads()
  let asked = exchange(ways[0], answersAtOnce: true, &heads)
  expect(parsed.starts(with: asked), "the exchange asks \(asked), the parser reads \(parsed)")
  for way in ways.dropFirst() {
    expectEqual(
      exchange(way, answersAtOnce: true, &heads), asked, "another cut asks other requests")
  }
  // Answers that come late change nothing, save that an early end of the input is noticed later.
  let late = exchange(ways[2], answersAtOnce: false, &heads)
  expect(asked.starts(with: late), "asked late: \(late), asked at once: \(asked)")
}

/// A line for each request, and one for the refusal.
private func parse(_ pieces: [ArraySlice<UInt8>]) -> [String] {
  var parser = RequestParser()
  var input: [UInt8] = []
  var outcomes: [String] = []
  for piece in pieces {
    input += piece
    var offset = 0
    reading: while true {
      switch parser.parse(input.span, from: &offset) {
      case .needsMore: break reading
      case .body: break
      case .request(let request):
        check(request.target, request.fields, request.body)
        outcomes.append(line(request.method, request.target, request.fields, request.body))
      case .refused(let refusal):
        expect((400..<600).contains(refusal.status), "a refusal of status \(refusal.status)")
        return outcomes + ["refused \(refusal.code) \(refusal.guestText)"]
      }
    }
    expect(offset <= input.count, "more is taken than there is")
    input.removeSubrange(..<offset)
    expect(
      input.count <= Limits.maximumRequestHeadBytes, "\(input.count) bytes wait for their end")
  }
  return outcomes
}

private func line(
  _ method: Question.Method, _ target: [UInt8], _ fields: RequestFields, _ body: [UInt8]
) -> String {
  "\(method) \(target) \(fields) \(body)"
}

private func check(_ target: [UInt8], _ fields: RequestFields, _ body: [UInt8]) {
  expect(!target.isEmpty && target.count <= Limits.maximumRequestTargetBytes, "the target's size")
  expect(body.count <= Limits.maximumRequestBodyBytes, "the body's size")
  expect(
    fields.sessionToken?.count ?? 0 <= Limits.maximumSessionTokenBytes, "the token's size")
  expect(fields.tokenTTL?.count ?? 0 <= Limits.maximumTokenTTLBytes, "the TTL's size")
}

/// Runs a connection to its end on paper, every request answered by a metadata service.
/// - Returns: A line for each request that was asked, and one for the refusal.
private func exchange(
  _ pieces: [ArraySlice<UInt8>], answersAtOnce: Bool, _ heads: inout KnownHeads
) -> [String] {
  var connection = PaperConnection(answersAtOnce: answersAtOnce, heads)
  defer { heads = connection.heads }
  for piece in pieces {
    while !connection.exchange.wantsInput, connection.hasQuestion { connection.answer() }
    connection.receive(Array(piece))
  }
  while connection.hasQuestion { connection.answer() }
  connection.end()
  expect(connection.exchange.state == .closed, "the connection stays \(connection.exchange.state)")
  return connection.asked
}

/// The request that a guest's server reads out of a line and two fields; nil where that is not one
/// whole request.
func guestRequest(_ line: String, _ name: String, _ value: [UInt8]) -> GuestRequest? {
  let input =
    Array("\(line) HTTP/1.1\r\nHost: 169.254.169.254\r\n\(name): ".utf8) + value
    + Array("\r\n\r\n".utf8)
  var parser = RequestParser()
  var offset = 0
  while true {
    switch parser.parse(input.span, from: &offset) {
    case .body: continue
    case .needsMore, .refused: return nil
    case .request(let request):
      return GuestRequest(
        Question(method: request.method, target: request.target, fields: request.fields),
        network: nil, source: World.address, body: request.body)
    }
  }
}

private struct PaperConnection {
  var exchange = GuestExchange(
    timeouts: Timeouts(
      headMilliseconds: 1, bodyMilliseconds: 1, idleMilliseconds: 1, writeMilliseconds: 1,
      lingerMilliseconds: 1), now: 0)
  let answersAtOnce: Bool
  var heads: KnownHeads
  var asked: [String] = []
  private var question: GuestRequest?

  init(answersAtOnce: Bool, _ heads: KnownHeads) {
    self.answersAtOnce = answersAtOnce
    self.heads = heads
  }

  var hasQuestion: Bool { question != nil }

  mutating func receive(_ bytes: [UInt8]) { perform(.wait, bytes) }

  mutating func answer() {
    guard let request = question else { return }
    question = nil
    perform(exchange.answered(World.answer(to: request), now: 0), [])
  }

  mutating func end() {
    perform(exchange.inputClosed(now: 0), [])
    perform(exchange.written(now: 0), [])
    perform(exchange.deadlineReached(now: .max), [])
  }

  private mutating func perform(_ first: GuestExchange.Action, _ bytes: [UInt8]) {
    var action = first
    var offset = 0
    while true {
      switch action {
      case .ask(let asks, let body):
        check(asks.target, asks.fields, body)
        asked.append(line(asks.method, asks.target, asks.fields, body))
        expect(question == nil, "two requests are asked at a time")
        question = GuestRequest(asks, network: nil, source: World.address, body: body)
      case .refuse(let refusal, let reply):
        expect(reply.connection == .close, "a refusal that goes on")
        asked.append("refused \(refusal.code) \(refusal.guestText)")
      case .wait, .sendContinue, .send, .finishWriting, .closeOutput, .close: break
      }
      if answersAtOnce, let request = question {
        question = nil
        action = exchange.answered(World.answer(to: request), now: 0)
        continue
      }
      action = exchange.next(bytes.span, from: &offset, heads: &heads, now: 0)
      if case .wait = action { break }
    }
    expect(offset == bytes.count, "an exchange takes all that it is given")
  }
}

import Dialects
import Inventory
import MetadataService

@testable import GuestServer

/// Performs an exchange's actions on paper: they are noted, and nothing else happens.
struct ExchangeDriver {
  static let timeouts = Timeouts(
    headMilliseconds: 100, bodyMilliseconds: 200, idleMilliseconds: 300, writeMilliseconds: 400,
    lingerMilliseconds: 500)

  var exchange: GuestExchange
  /// What is known of heads; another driver's where one is given.
  var heads = KnownHeads()
  /// What was done, such as `ask get /a` or `send 200`.
  var actions: [String] = []
  var now = 1000
  /// Whether each request is answered as it is asked.
  var answersAtOnce = true
  /// Each request is over a budget, for so many seconds.
  var throttledSeconds: Int?

  init(answersAtOnce: Bool = true) {
    exchange = GuestExchange(timeouts: ExchangeDriver.timeouts, now: 1000)
    self.answersAtOnce = answersAtOnce
  }

  mutating func receive(_ text: String) { receive(Array(text.utf8)) }
  mutating func receive(_ bytes: [UInt8]) { perform(.wait, bytes) }
  mutating func answer(_ status: Int = 200) { perform(exchange.answered(answer(status), now: now)) }
  mutating func inputClosed() { perform(exchange.inputClosed(now: now)) }
  mutating func written() { perform(exchange.written(now: now)) }
  mutating func shutDown(waitsForFirst: Bool = false) {
    perform(exchange.shutdownRequested(waitsForFirst: waitsForFirst, now: now))
  }
  mutating func turnAway() { perform(exchange.turnAway()) }
  mutating func closed() { exchange.closed() }

  mutating func writable(_ isWritable: Bool) {
    exchange.writabilityChanged(to: isWritable, now: now)
    perform(.wait)
  }

  /// Lets time pass, up to the deadline and no further.
  mutating func reachDeadline() {
    if exchange.deadline != .max { now = max(now, exchange.deadline) }
    perform(exchange.deadlineReached(now: now))
  }

  /// What was done since the last call.
  mutating func takeActions() -> [String] {
    defer { actions = [] }
    return actions
  }

  private func answer(_ status: Int) -> GuestAnswer {
    GuestAnswer(status: status, contentType: .plainText, body: [1], instance: nil)
  }

  private mutating func perform(_ first: GuestExchange.Action, _ bytes: [UInt8] = []) {
    var action = first
    var offset = 0
    while true {
      note(action)
      if case .ask = action, let throttledSeconds {
        action = exchange.throttled(
          .tooManyRequests(retryAfterSeconds: throttledSeconds), now: now)
      } else if case .ask = action, answersAtOnce {
        action = exchange.answered(answer(200), now: now)
      } else {
        action = exchange.next(bytes.span, from: &offset, heads: &heads, now: now)
        if case .wait = action { break }
      }
    }
    precondition(offset == bytes.count, "an exchange takes all that it is given")
  }

  private mutating func note(_ action: GuestExchange.Action) {
    switch action {
    case .wait: break
    case .ask(let question, _):
      let target = String(decoding: question.target, as: UTF8.self)
      actions.append("ask \(question.method) \(target)")
    case .sendContinue: actions.append("continue")
    case .send(let reply): actions.append("send \(describe(reply))")
    case .refuse(_, let reply): actions.append("refuse \(describe(reply))")
    case .finishWriting: actions.append("finish")
    case .closeOutput: actions.append("half-close")
    case .close: actions.append("close")
    }
  }

  private func describe(_ reply: GuestExchange.Reply) -> String {
    var words = ["\(reply.answer.status)"]
    if reply.isHead { words.append("head") }
    if reply.connection != .implied { words.append("\(reply.connection)") }
    return words.joined(separator: " ")
  }
}

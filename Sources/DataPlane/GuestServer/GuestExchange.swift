import Inventory
import MetadataService

/// One connection's life: bytes and events in, actions out, the clock passed in.
///
/// One request is asked at a time, so answers leave in the order of their requests. Whoever
/// performs the actions calls ``next(_:from:heads:now:)`` until it says `wait`, also after each event.
/// Times are milliseconds of a clock that does not go back.
struct GuestExchange: Sendable {
  /// As much is thrown away after a refusal: an upload that got its 413.
  static let maximumDiscardedBytes = 1024 * 1024

  private(set) var state: State
  /// When ``deadlineReached(now:)`` is to be called, in the clock's milliseconds; `max` for never.
  var deadline: Int {
    if isWritable { return stateDeadline }
    // A guest is not idle while it has an answer to take.
    return state == .idle ? writeDeadline : min(stateDeadline, writeDeadline)
  }

  private let timeouts: Timeouts
  private var parser = RequestParser()
  private var request = Asked(isHead: false, keepsAlive: false, isHTTP10: false)
  /// Input that is not taken yet; the first `taken` bytes of it are.
  private var buffered: [UInt8] = []
  private var taken = 0
  private var isInputClosed = false
  private var isWritable = true
  private var isDraining = false
  private var hasAsked = false
  private var discarded = 0
  private var stateDeadline: Int
  private var writeDeadline = Int.max

  private struct Asked {
    var isHead: Bool
    var keepsAlive: Bool
    var isHTTP10: Bool
  }

  /// A connection that has just been accepted.
  init(timeouts: Timeouts, now: Int) {
    self.timeouts = timeouts
    state = .idle
    stateDeadline = now + timeouts.idleMilliseconds
  }

  /// Whether more input is of use. Without it the guest waits, by TCP's own means.
  var wantsInput: Bool {
    guard !isInputClosed else { return false }
    switch state {
    case .idle, .head, .body:
      return isWritable || buffered.count < GuestExchange.pauseBytes
    case .asked: return buffered.count < GuestExchange.pauseBytes
    case .lingering: return true
    case .paused, .ending, .flushing, .closed: return false
    }
  }

  /// The bytes of input that are kept.
  var heldBytes: Int { buffered.count + parser.bodyBytes }

  /// Reading stops early enough for one more read to stay within the limit.
  static let pauseBytes = Limits.maximumPipelinedBytes - maximumReadBytes
  /// The most that one read may bring.
  static let maximumReadBytes = Limits.maximumPipelinedBytes / 2

  // MARK: Input

  /// The next thing to do, given input from `offset` on, which is taken as a whole before it says
  /// `wait`.
  /// - Parameter heads: What is known of heads, on this connection and others.
  mutating func next(
    _ bytes: Span<UInt8>, from offset: inout Int, heads: inout KnownHeads, now: Int
  ) -> Action {
    switch state {
    case .idle, .head, .body:
      guard isWritable else { break }
      return advance(bytes, &offset, &heads, now)
    case .asked, .paused: break
    case .ending(let mustLinger):
      // Closing on unread input would reset the connection, and the answer with it.
      let lingers = !isInputClosed && (mustLinger || offset < bytes.count)
      discard(bytes, &offset)
      state = .flushing(lingers: lingers)
      stateDeadline = now + timeouts.writeMilliseconds
      return .finishWriting
    case .flushing:
      discard(bytes, &offset)
      return .wait
    case .lingering:
      discard(bytes, &offset)
      return discarded <= GuestExchange.maximumDiscardedBytes ? .wait : close()
    case .closed:
      offset = bytes.count
      return .wait
    }
    keep(bytes, &offset)
    return .wait
  }

  private mutating func advance(
    _ bytes: Span<UInt8>, _ offset: inout Int, _ heads: inout KnownHeads, _ now: Int
  ) -> Action {
    let start = offset
    // Whether what is here is whole requests, none of which has begun before.
    var isAlone = buffered.isEmpty && parser.isFresh && start < bytes.count
    if isAlone, let known = heads.head(bytes.extracting(start...)) {
      offset = bytes.count
      return ask(
        known.question, keepsAlive: known.keepsAlive, isHTTP10: known.isHTTP10, body: [])
    }
    while true {
      let progress: RequestParser.Progress
      if buffered.isEmpty {
        progress = parser.parse(bytes, from: &offset)
      } else {
        if offset < bytes.count { keep(bytes, &offset) }
        progress = parseBuffered()
      }
      switch progress {
      case .needsMore: return waitForInput(bytes, &offset, now)
      case .body(let expectsContinue):
        isAlone = false
        enter(.body, until: now + timeouts.bodyMilliseconds)
        if expectsContinue, buffered.count - taken + bytes.count - offset == 0 {
          return .sendContinue
        }
      case .request(let parsed):
        let isWhole = isAlone && offset == bytes.count
        let question = heads.question(
          of: parsed, head: isWhole ? bytes.extracting(start...) : nil)
        return ask(
          question, keepsAlive: parsed.keepsAlive, isHTTP10: parsed.isHTTP10, body: parsed.body)
      case .refused(let refusal): return refuse(refusal)
      }
    }
  }

  private mutating func parseBuffered() -> RequestParser.Progress {
    // Not in place: a span of `buffered` borrows the whole of `self`. No bytes are copied.
    let input = buffered
    return parser.parse(input.span, from: &taken)
  }

  private mutating func waitForInput(_ bytes: Span<UInt8>, _ offset: inout Int, _ now: Int)
    -> Action
  {
    keep(bytes, &offset)
    if isInputClosed { return end(lingers: false, now) }
    guard state != .body else { return .wait }
    if parser.isWithinRequest || !buffered.isEmpty {
      if state != .head { enter(.head, until: now + timeouts.headMilliseconds) }
    } else if state != .idle || stateDeadline == .max {
      enter(.idle, until: now + timeouts.idleMilliseconds)
    }
    return .wait
  }

  private mutating func ask(
    _ question: Question, keepsAlive: Bool, isHTTP10: Bool, body: [UInt8]
  ) -> Action {
    request = Asked(
      isHead: question.method == .head, keepsAlive: keepsAlive, isHTTP10: isHTTP10)
    enter(.asked, until: .max)
    hasAsked = true
    return .ask(question, body: body)
  }

  /// Keeps what is not taken, up to the limit. More than that can only come with the end of input,
  /// when the system hands over all that it has; the requests that fit are still answered.
  private mutating func keep(_ bytes: Span<UInt8>, _ offset: inout Int) {
    if taken > 0, taken == buffered.count {
      buffered = []
    } else if taken > 0 {
      buffered.removeSubrange(..<taken)
    }
    taken = 0
    guard offset < bytes.count, !isInputClosed else {
      offset = bytes.count
      return
    }
    let room = Limits.maximumPipelinedBytes - buffered.count
    if bytes.count - offset > room { isInputClosed = true }
    buffered.append(bytes, in: offset..<min(bytes.count, offset + room))
    offset = bytes.count
  }

  private mutating func discard(_ bytes: Span<UInt8>, _ offset: inout Int) {
    discarded += bytes.count - offset
    offset = bytes.count
    buffered = []
    taken = 0
  }

  // MARK: Events

  /// The answer to the request that was asked last.
  mutating func answered(_ answer: consuming GuestAnswer, now: Int) -> Action {
    guard state == .asked else { return .wait }
    let endsConnection = answer.refusal?.endsConnection == true
    guard request.keepsAlive, !isDraining, !endsConnection else {
      state = .ending(lingers: isDraining || endsConnection || buffered.count > taken)
      return .send(Reply(answer: answer, isHead: request.isHead, connection: .close))
    }
    enter(.idle, until: now + timeouts.idleMilliseconds)
    return .send(
      Reply(
        answer: answer, isHead: request.isHead,
        connection: request.isHTTP10 ? .keepAlive : .implied))
  }

  /// The request that was asked last is over a budget.
  mutating func throttled(_ refusal: Refusal, now: Int) -> Action {
    let action = answered(GuestAnswer(refusal: refusal), now: now)
    if state == .idle, let seconds = refusal.retryAfterSeconds {
      enter(.paused, until: now + seconds * 1000)
    }
    return action
  }

  /// The guest sends nothing more; it may still read.
  mutating func inputClosed(now: Int) -> Action {
    isInputClosed = true
    switch state {
    case .idle, .head, .body:
      // Whole requests may wait for the guest to take the answers before them.
      guard isWritable || buffered.isEmpty else { return .wait }
      return end(lingers: false, now)
    case .lingering: return close()
    case .asked, .paused, .ending, .flushing, .closed: return .wait
    }
  }

  /// Whether the guest takes what is sent. While it does not, nothing more is asked.
  mutating func writabilityChanged(to isWritable: Bool, now: Int) {
    guard isWritable != self.isWritable else { return }
    self.isWritable = isWritable
    writeDeadline = isWritable ? .max : now + timeouts.writeMilliseconds
    if isWritable, state == .idle { stateDeadline = now + timeouts.idleMilliseconds }
  }

  /// Everything is written, or cannot be.
  mutating func written(now: Int) -> Action {
    guard case .flushing(let lingers) = state else { return .wait }
    guard lingers, !isInputClosed else { return close() }
    enter(.lingering, until: now + timeouts.lingerMilliseconds)
    return .closeOutput
  }

  mutating func deadlineReached(now: Int) -> Action {
    guard now >= deadline else { return .wait }
    switch state {
    case .head, .body:
      guard now >= stateDeadline else { return close() }
      return refuse(.requestTimeout)
    case .paused:
      guard now >= stateDeadline else { return close() }
      enter(.idle, until: now + timeouts.idleMilliseconds)
      return .wait
    case .idle, .asked, .ending, .flushing, .lingering: return close()
    case .closed: return .wait
    }
  }

  /// The server, or the listener, is to stop: what is under way is finished, nothing more is begun.
  /// - Parameter waitsForFirst: Whether a connection that has not asked anything yet is still
  ///   given time to, and its answer. It may have been accepted a moment ago, and its guest was told
  ///   by that that it would be heard.
  mutating func shutdownRequested(waitsForFirst: Bool, now: Int) -> Action {
    isDraining = true
    switch state {
    case .idle where waitsForFirst && !hasAsked:
      stateDeadline = min(stateDeadline, now + timeouts.lingerMilliseconds)
      return .wait
    case .idle, .paused: return end(lingers: false, now)
    default: return .wait
    }
  }

  /// The connection comes too late: the guest, or all together, have too many.
  mutating func turnAway() -> Action { refuse(.tooManyConnections) }

  /// The connection is gone.
  mutating func closed() { _ = close() }

  // MARK: Ends

  private mutating func refuse(_ refusal: Refusal) -> Action {
    state = .ending(lingers: true)
    return .refuse(
      refusal,
      Reply(
        answer: GuestAnswer(refusal: refusal), isHead: parser.method == .head, connection: .close))
  }

  /// Ends the connection once all answers are written.
  private mutating func end(lingers: Bool, _ now: Int) -> Action {
    enter(.flushing(lingers: lingers), until: now + timeouts.writeMilliseconds)
    buffered = []
    taken = 0
    return .finishWriting
  }

  private mutating func close() -> Action {
    enter(.closed, until: .max)
    writeDeadline = .max
    buffered = []
    taken = 0
    return .close
  }

  private mutating func enter(_ state: State, until deadline: Int) {
    self.state = state
    stateDeadline = deadline
  }
}

import Inventory
import MetadataService

/// How long a connection may take over each thing, in milliseconds.
public struct GuestTimeouts: Sendable {
  public var head = Limits.requestHeadTimeoutMilliseconds
  public var body = Limits.requestBodyTimeoutMilliseconds
  public var idle = Limits.idleTimeoutMilliseconds
  public var write = Limits.writeTimeoutMilliseconds
  /// How long the rest of a refused request is read and dropped, so that the guest gets to read
  /// the refusal before the connection is reset.
  public var linger = 2_000
  /// What a connection may still take once the daemon stops.
  public var drain = 5_000

  public init() {}
}

/// One connection's conversation, as a machine: what came in, what to do about it. It knows no
/// socket and no clock; times are monotonic milliseconds that the caller passes in.
struct GuestExchange {
  enum Action: Equatable {
    /// Ask the service, then call ``GuestExchange/answered(keepAlive:)``-wise with its answer.
    case ask(ParsedRequest)
    /// Refuse what cannot be understood, then ``refusalSent``.
    case refuse(Refusal)
    case sendContinue
    case close
  }

  /// How an answer goes out.
  struct Delivery: Equatable {
    var keepAlive: Bool
    /// HEAD: the length without the body.
    var headOnly: Bool
  }

  private enum State: Equatable {
    case reading
    case waiting(Delivery)
    case writing
    case lingering(left: Int)
    case closed
  }

  /// Input that is dropped while lingering, at most.
  private static let lingerBytes = 64 * 1024

  private let timeouts: GuestTimeouts
  private var parser = RequestParser()
  private var state = State.reading
  private var inputClosed = false
  private var draining = false
  private var phase = Phase.idle
  /// When the connection's time is up; nil while the time is ours.
  private(set) var deadline: Int?

  private enum Phase {
    case idle, head, body, ours
  }

  init(timeouts: GuestTimeouts, now: Int) {
    self.timeouts = timeouts
    deadline = now + timeouts.idle
  }

  /// Whether more input is welcome; while not, the kernel holds it back.
  var wantsInput: Bool {
    switch state {
    case .reading, .lingering: true
    case .waiting, .writing: parser.buffered < Limits.maximumPipelinedBytes
    case .closed: false
    }
  }

  // MARK: Events

  /// Bytes have come; ask ``next(now:)`` what to do.
  mutating func received(_ bytes: some Collection<UInt8>) {
    switch state {
    case .reading, .waiting, .writing: parser.append(bytes)
    case .lingering(let left):
      state = left > bytes.count ? .lingering(left: left - bytes.count) : .closed
    case .closed: break
    }
  }

  /// The guest will send no more; what it asked is still answered.
  mutating func inputEnded() {
    inputClosed = true
    if case .lingering = state { state = .closed }
  }

  /// The daemon stops: the request in hand is the last.
  mutating func drain(now: Int) {
    draining = true
    deadline = min(deadline ?? .max, now + timeouts.drain)
  }

  /// What to do now; nil when there is nothing to do but wait.
  mutating func next(now: Int) -> Action? {
    switch state {
    case .waiting, .writing, .lingering: return nil
    case .closed: return .close
    case .reading: break
    }
    let step = parser.next()
    switch step {
    case .request(let request):
      state = .waiting(
        Delivery(
          keepAlive: request.keepAlive && !draining && !inputClosed || hasMore(request),
          headOnly: request.method == .head))
      enter(.ours, now)
      return .ask(request)
    case .failed(let refusal):
      state = .writing
      enter(.ours, now)
      return .refuse(refusal)
    case .expectsContinue: return .sendContinue
    case .needMore:
      if inputClosed || draining && !parser.isReadingHead && !parser.isReadingBody {
        state = .closed
        return .close
      }
      enter(
        parser.isReadingBody ? .body : parser.isReadingHead ? .head : .idle, now)
      return nil
    }
  }

  /// Requests that came before the end of input are answered too.
  private func hasMore(_ request: ParsedRequest) -> Bool {
    request.keepAlive && inputClosed && !draining && parser.buffered > 0
  }

  /// The answer to the request in hand is there.
  /// - Returns: How it goes out, or nil where the connection is gone.
  mutating func answered() -> Delivery? {
    guard case .waiting(var delivery) = state else { return nil }
    if draining { delivery.keepAlive = false }
    state = .writing
    return delivery
  }

  /// The answer is on its way.
  /// - Parameter keepAlive: Whether another request may follow.
  mutating func sent(keepAlive: Bool, now: Int) {
    guard state == .writing else { return }
    guard keepAlive else {
      // Closing with input unread would reset the connection under the answer.
      state = inputClosed ? .closed : .lingering(left: GuestExchange.lingerBytes)
      deadline = now + timeouts.linger
      return
    }
    state = .reading
    phase = .ours
    if draining { deadline = min(deadline ?? .max, now + timeouts.drain) }
  }

  /// The guest does not take what is written, or takes it again.
  mutating func writability(_ isWritable: Bool, now: Int) {
    guard state != .closed, !draining else { return }
    if isWritable {
      phase = .ours
      deadline = nil
    } else {
      deadline = now + timeouts.write
    }
  }

  /// The time is up, if it is.
  mutating func tick(now: Int) -> Action? {
    guard let deadline, now >= deadline else { return nil }
    if state == .reading, parser.isReadingHead || parser.isReadingBody, !draining {
      state = .writing
      self.deadline = nil
      return .refuse(.requestTimeout)
    }
    state = .closed
    return .close
  }

  private mutating func enter(_ new: Phase, _ now: Int) {
    guard new != phase else { return }
    phase = new
    guard !draining else { return }
    deadline =
      switch new {
      case .idle: now + timeouts.idle
      case .head: now + timeouts.head
      case .body: now + timeouts.body
      case .ours: nil
      }
  }
}

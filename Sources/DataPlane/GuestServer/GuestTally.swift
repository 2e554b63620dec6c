public import Dialects
import MetadataService
public import Telemetry

/// What a thread has done for guests since it started.
///
/// Each thread counts for itself, in its own memory: a request costs a few additions, and nothing that
/// another thread waits for. ``GuestLoops/tally()`` puts all together.
public struct GuestTally: Sendable {
  /// The hundreds of an HTTP status.
  public enum StatusClass: Int, Sendable, Hashable, CaseIterable {
    case informational = 1
    case successful, redirected, refused, failed

    fileprivate init(_ status: Int) { self = StatusClass(rawValue: status / 100) ?? .failed }

    /// Such as `2xx`.
    public var text: String { "\(rawValue)xx" }
  }

  /// Connections that were accepted, and let in or told that they are too many.
  public private(set) var connections: UInt64 = 0
  public private(set) var receivedBytes: UInt64 = 0
  /// What was given to the kernel, or waits for a guest to take it.
  public private(set) var sentBytes: UInt64 = 0
  /// From when a thread was told that there is input to when the answer was sent.
  public private(set) var answered = Latencies()
  /// The same of requests that waited on purpose: for a record, a change, the store or vendor data.
  public private(set) var waited = Latencies()
  var busy = BusyGuests()
  /// Answers that wait for their connection's turn to end.
  private var unsentAnswers = 0
  /// Answers, by ``index(_:_:)``.
  private var answers = [UInt64](
    repeating: 0, count: (DialectName.allCases.count + 1) * StatusClass.allCases.count)

  init() {}

  /// Answers in a dialect; nil for those to requests that came to none.
  public func answers(in dialect: DialectName?, _ status: StatusClass) -> UInt64 {
    answers[GuestTally.index(dialect, status)]
  }

  private static func index(_ dialect: DialectName?, _ status: StatusClass) -> Int {
    let row = dialect.map { $0.number + 1 } ?? 0
    return row * StatusClass.failed.rawValue + status.rawValue - 1
  }

  // MARK: Counting

  mutating func noteConnection() { connections &+= 1 }

  mutating func noteReceived(_ count: Int) { receivedBytes &+= UInt64(clamping: count) }

  /// Counts an answer, all at once: each reach into a thread's tally has a price of its own.
  /// - Parameters:
  ///   - waited: How long its request waited on purpose, in nanoseconds; nil where it did not. Then it
  ///     has its latency with ``noteOutput(bytes:since:)``.
  ///   - second: Of the thread's clock.
  mutating func noteAnswer(
    _ answer: GuestAnswer, sentBytes: Int, to guest: GuestAccounts.Guest,
    waited nanoseconds: Int?, second: Int
  ) {
    answers[GuestTally.index(answer.dialect, StatusClass(answer.status))] &+= 1
    if let nanoseconds {
      waited.record(nanoseconds: nanoseconds)
    } else {
      unsentAnswers &+= 1
    }
    busy.note(guest, isRefused: answer.status >= 400, sentBytes: sentBytes, second: second)
  }

  /// Counts what was given to the kernel, with the answers in it.
  /// - Parameter start: When the thread was told of the input, in nanoseconds.
  mutating func noteOutput(bytes: Int, since start: Int) {
    sentBytes &+= UInt64(clamping: bytes)
    guard unsentAnswers > 0 else { return }
    answered.record(nanoseconds: LoopThread.nanoseconds() - start, count: unsentAnswers)
    unsentAnswers = 0
  }

  mutating func add(_ other: GuestTally) {
    connections &+= other.connections
    receivedBytes &+= other.receivedBytes
    sentBytes &+= other.sentBytes
    answered.add(other.answered)
    waited.add(other.waited)
    for (index, count) in other.answers.enumerated() { answers[index] &+= count }
  }
}

import Glibc

/// What a thread works with, and lends to the connections whose turn it is, one after another.
///
/// It is handed from function to function, so that it is known at compile time that nobody else uses it
/// meanwhile; to look that up at run time was a tenth of a request.
struct Turn: ~Copyable {
  /// A buffer that grew beyond this for a large answer is not kept.
  private static let maximumSpareBytes = 256 * 1024

  let thread: LoopThread
  /// When the kernel told of what is handled now, in nanoseconds.
  private(set) var start = LoopThread.nanoseconds()
  /// The time of this turn in milliseconds.
  private(set) var now = LoopThread.now()
  /// Answers of the connection whose turn it is that are not sent yet.
  var output: [UInt8] = []
  /// Heads that connections of the thread have read.
  var heads = KnownHeads()
  /// All connections of the thread.
  var connections = ConnectionTable()
  /// The listeners, by their sockets.
  var doors: [CInt: Entrance] = [:]
  /// Those of them where nothing is accepted after a failure, and until when.
  var closedDoors: [CInt: Int] = [:]
  /// Connections that were accepted and not heard yet.
  var crowd = Crowd()
  /// What the thread has done; nobody else touches it.
  var tally = GuestTally()
  private var date = HTTPDate(secondsSince1970: 0)

  init(of thread: LoopThread) { self.thread = thread }

  /// The next events are there.
  mutating func begin() {
    start = LoopThread.nanoseconds()
    now = start / 1_000_000
  }

  /// What is handled next has waited since then, in nanoseconds.
  mutating func count(since start: Int) { self.start = start }

  /// The moment.
  mutating func currentDate() -> HTTPDate {
    date = date.moved(to: time(nil))
    return date
  }

  /// Empties the buffer of answers. They have been sent, or never will be.
  mutating func clearOutput(areSent: Bool) {
    tally.noteOutput(bytes: areSent ? output.count : 0, since: start)
    if output.capacity > Turn.maximumSpareBytes {
      output = []
    } else {
      output.removeAll(keepingCapacity: true)
    }
  }
}

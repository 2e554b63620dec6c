import CEpoll
import Foundation
import Synchronization

/// An operator's programs that write at a steady pace, each write followed by its guest's GET.
final class Writers: Sendable {
  /// Milliseconds from a write's first byte, to its guest's answer and to its acknowledgement.
  struct Seen {
    var whole = Observations()
    var acknowledged = Observations()
  }

  /// Each waits for its write and its guest's answer before the next.
  private static let threads = 16

  private let count: Int
  private let perSecond: Int
  private let port: UInt16
  private let socket: String
  private let seen = Mutex(Seen())
  private let running = Atomic(0)

  init(count: Int, perSecond: Int, port: UInt16, socket: String) {
    self.count = count
    self.perSecond = perSecond
    self.port = port
    self.socket = socket
  }

  /// - Returns: What was seen, and how many seconds it took.
  func run(seconds: Double) throws -> (Seen, Double) {
    let began = ContinuousClock.now
    for number in 0..<Writers.threads {
      let connection = try ControlConnection(socket: socket)
      running.wrappingAdd(1, ordering: .relaxed)
      let box = Box(connection)
      Thread.detachNewThread {
        self.write(by: box.connection, number, since: began, seconds: seconds)
        self.running.wrappingSubtract(1, ordering: .releasing)
      }
    }
    while running.load(ordering: .acquiring) > 0 { pause(milliseconds: 2) }
    let elapsed = (ContinuousClock.now - began).milliseconds / 1000
    return (seen.withLock { $0 }, elapsed)
  }

  /// A connection on its way to the one thread that uses it.
  private final class Box: @unchecked Sendable {
    let connection: ControlConnection
    init(_ connection: ControlConnection) { self.connection = connection }
  }

  private func write(
    by connection: ControlConnection, _ thread: Int, since began: ContinuousClock.Instant,
    seconds: Double
  ) {
    bench_wake_on_time()
    let share = Double(Writers.threads) / Double(perSecond)
    var own = Seen()
    var turn = 0
    while true {
      // When the next write is due, whatever the last one took.
      let due = (Double(turn) + Double(thread) / Double(Writers.threads)) * share
      guard due < seconds else { break }
      let now = (ContinuousClock.now - began).milliseconds / 1000
      if due > now { pause(microseconds: Int((due - now) * 1e6)) }
      turn += 1
      let guest = GuestTown.Guest(number: (turn * Writers.threads + thread) &* 7919 % count)
      let value = "\(thread).\(turn)"
      let start = ContinuousClock.now
      let status =
        (try? connection.ask(
          "PUT", "/v1/instances/\(guest.id)/metadata/change", body: Array("\"\(value)\"".utf8)))?
        .status ?? 0
      own.acknowledged.milliseconds.append((ContinuousClock.now - start).milliseconds)
      let answer = HTTPProbe.get(
        "/openstack/latest/meta_data.json", port: port, from: guest.address)
      own.whole.milliseconds.append((ContinuousClock.now - start).milliseconds)
      if !(200..<300).contains(status) { own.acknowledged.refused[status, default: 0] += 1 }
      let wanted = Array("\"change\": \"\(value)\"".utf8)
      if answer?.body.place(of: wanted) == nil { own.whole.wrong += 1 }
    }
    let all = own
    seen.withLock {
      $0.whole.add(all.whole)
      $0.acknowledged.add(all.acknowledged)
    }
  }
}

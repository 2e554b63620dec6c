import Foundation
import Synchronization

/// Guests on a few threads, each request on a new connection, as many as there is time for.
final class RandomGuests: Sendable {
  enum Choice: Sendable {
    /// Any of so many.
    case random(of: Int)
    /// One instance, by any of its addresses; the first is whose answers it gets.
    case one([GuestTown.Guest])
  }

  private static let threads = 4

  private let choice: Choice
  private let paths: [String]
  private let port: UInt16
  private let seen = Mutex((requests: 0, failures: 0))
  private let isOver = Atomic(false)
  private let running = Atomic(0)

  init(_ choice: Choice, paths: [String], port: UInt16) {
    self.choice = choice
    self.paths = paths
    self.port = port
  }

  func run(seconds: Double) -> (requests: Int, failures: Int) {
    for _ in 0..<RandomGuests.threads {
      running.wrappingAdd(1, ordering: .relaxed)
      Thread.detachNewThread { self.ask() }
    }
    pause(milliseconds: Int(seconds * 1000))
    isOver.store(true, ordering: .relaxed)
    while running.load(ordering: .acquiring) > 0 { pause(milliseconds: 2) }
    return seen.withLock { $0 }
  }

  private func ask() {
    defer { running.wrappingSubtract(1, ordering: .releasing) }
    var random = SystemRandomNumberGenerator()
    var (requests, failures) = (0, 0)
    while !isOver.load(ordering: .relaxed) {
      let (asker, owner): (GuestTown.Guest, GuestTown.Guest)
      switch choice {
      case .random(let count):
        asker = GuestTown.Guest(number: Int.random(in: 0..<count, using: &random))
        owner = asker
      case .one(let guests):
        asker = guests[Int.random(in: guests.indices, using: &random)]
        owner = guests[0]
      }
      for path in paths where !isOver.load(ordering: .relaxed) {
        let answer = HTTPProbe.get(path, port: port, from: asker.address)
        requests += 1
        let isRight = isRight(answer, path, owner)
        if !isRight { failures += 1 }
      }
    }
    seen.withLock {
      $0.requests += requests
      $0.failures += failures
    }
  }

  private func isRight(_ answer: HTTPProbe.Answer?, _ path: String, _ owner: GuestTown.Guest)
    -> Bool
  {
    guard let answer, answer.status == 200 else { return false }
    // The rest is the same for many here.
    guard path.hasSuffix("meta_data.json") || path.hasSuffix("hostname") else { return true }
    return owner.owns(answer.body, of: path, asking: owner)
  }
}

/// An operator's programs that write at a steady pace, each write followed by its guest's GET.
final class Writers: Sendable {
  /// Each waits for its write and its guest's answer before the next.
  private static let threads = 16

  private let count: Int
  private let perSecond: Int
  private let port: UInt16
  private let socket: String
  private let seen = Mutex(Observations())
  private let running = Atomic(0)

  init(count: Int, perSecond: Int, port: UInt16, socket: String) {
    self.count = count
    self.perSecond = perSecond
    self.port = port
    self.socket = socket
  }

  /// - Returns: What was seen, and how many seconds it took.
  func run(seconds: Double) throws -> (Observations, Double) {
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
    let share = Double(Writers.threads) / Double(perSecond)
    var own = Observations()
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
      let answer = HTTPProbe.get(
        "/openstack/latest/meta_data.json", port: port, from: guest.address)
      own.milliseconds.append((ContinuousClock.now - start).milliseconds)
      if !(200..<300).contains(status) { own.refused[status, default: 0] += 1 }
      let text = String(decoding: answer?.body ?? [], as: UTF8.self)
      if !text.contains("\"change\": \"\(value)\"") { own.wrong += 1 }
    }
    let all = own
    seen.withLock { $0.add(all) }
  }
}

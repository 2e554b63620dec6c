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

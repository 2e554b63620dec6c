import Foundation
import Synchronization

/// What honest guests saw.
struct Observations: Sendable {
  /// From before the connection is opened to the last byte.
  var milliseconds: [Double] = []
  /// Answers that were not the asking guest's own.
  var wrong = 0
  /// By status; 0 where there was no answer.
  var refused: [Int: Int] = [:]

  var requests: Int { milliseconds.count }
  var failures: Int { refused.values.reduce(0, +) }

  mutating func add(_ other: Observations) {
    milliseconds += other.milliseconds
    wrong += other.wrong
    refused.merge(other.refused, uniquingKeysWith: +)
  }

  func percentile(_ part: Double) -> Double {
    guard !milliseconds.isEmpty else { return 0 }
    let sorted = milliseconds.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }
}

/// Honest guests on threads of their own; each boots, rests, and boots again.
final class PoliteGuests: Sendable {
  private let port: UInt16
  private let restMilliseconds: Int
  private let owners: @Sendable (GuestTown.Guest) -> [GuestTown.Guest]
  private let seen = Mutex(Observations())
  private let isOver = Atomic<Bool>(false)
  private let running = Atomic<Int>(0)

  /// - Parameters:
  ///   - restMilliseconds: Between two requests of a thread.
  ///   - owners: Whose answer is right for who asks.
  init(
    _ guests: [GuestTown.Guest], threads: Int, port: UInt16, restMilliseconds: Int,
    owners: @escaping @Sendable (GuestTown.Guest) -> [GuestTown.Guest] = { [$0] }
  ) {
    self.owners = owners
    self.port = port
    self.restMilliseconds = restMilliseconds
    for thread in 0..<threads {
      let own = guests.filter { $0.number % threads == thread }
      running.wrappingAdd(1, ordering: .relaxed)
      Thread.detachNewThread { self.run(own) }
    }
  }

  private func run(_ guests: [GuestTown.Guest]) {
    defer { running.wrappingSubtract(1, ordering: .relaxed) }
    while !isOver.load(ordering: .relaxed) {
      // Guests take turns, request by request: no one of them asks more than its budget.
      for path in GuestTown.boot {
        for guest in guests where !isOver.load(ordering: .relaxed) {
          ask(path, as: guest)
          pause(milliseconds: restMilliseconds)
        }
      }
    }
  }

  private func ask(_ path: String, as guest: GuestTown.Guest) {
    let start = ContinuousClock.now
    let answer = HTTPProbe.get(path, port: port, from: guest.address)
    let elapsed = (ContinuousClock.now - start).milliseconds
    let isRight = owners(guest).contains { owner in
      owner.owns(answer?.body ?? [], of: path, asking: guest)
    }
    seen.withLock { seen in
      seen.milliseconds.append(elapsed)
      if answer?.status != 200 {
        seen.refused[answer?.status ?? 0, default: 0] += 1
      } else if !isRight {
        seen.wrong += 1
      }
    }
  }

  /// What was seen since the last call.
  func take() -> Observations {
    seen.withLock { seen in
      defer { seen = Observations() }
      return seen
    }
  }

  func stop() {
    isOver.store(true, ordering: .relaxed)
    while running.load(ordering: .relaxed) > 0 { pause(milliseconds: 5) }
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) / 1e15
  }
}

import Synchronization

/// Requests that an instance's guest made, of a few kinds, for as long as the instance is declared:
/// whatever changes in it, the next version goes on with the same tally.
public final class RequestTally: Sendable {
  /// How many kinds can be told apart. There are as many tallies as instances, so that it is few.
  public static let kinds = Counts.count
  private typealias Counts = InlineArray<4, Atomic<UInt64>>

  private let counts = Counts { _ in Atomic(0) }
  private let lastSeen = Atomic<Int>(0)

  init() {}

  /// Counts a request of a kind, from 0 on.
  /// - Parameter now: Seconds since 1970.
  public func note(_ kind: Int, now: Int) {
    guard counts.indices.contains(kind) else { return }
    counts[kind].wrappingAdd(1, ordering: .relaxed)
    lastSeen.store(now, ordering: .relaxed)
  }

  public func requests(_ kind: Int) -> UInt64 {
    counts.indices.contains(kind) ? counts[kind].load(ordering: .relaxed) : 0
  }

  /// When the last one was counted, in seconds since 1970; 0 where none was.
  public var lastSeenSeconds: Int { lastSeen.load(ordering: .relaxed) }

  var isEmpty: Bool { lastSeenSeconds == 0 }
}

public import Inventory
import Synchronization

/// Requests that were answered without a session token: what would be refused if tokens were
/// required. An operator looks here before requiring them.
public final class TokenlessRequests: Sendable {
  /// One instance's count in one dialect; whoever answers it often keeps it at hand.
  final class Tally: Sendable {
    private let requests = Atomic<UInt64>(0)
    private let lastSeenSeconds = Atomic<Int>(0)

    func note(now: Int) {
      requests.wrappingAdd(1, ordering: .relaxed)
      lastSeenSeconds.store(now, ordering: .relaxed)
    }

    var use: Use {
      Use(
        requests: requests.load(ordering: .relaxed),
        lastSeenSeconds: lastSeenSeconds.load(ordering: .relaxed))
    }
  }

  public struct Use: Sendable, Hashable {
    public var requests: UInt64
    /// Seconds since 1970.
    public var lastSeenSeconds: Int
  }

  private let tallies = Mutex<[InstanceID: [String: Tally]]>([:])

  init() {}

  func tally(of id: InstanceID, in dialect: String) -> Tally {
    tallies.withLock { tallies in
      if let tally = tallies[id]?[dialect] { return tally }
      let tally = Tally()
      tallies[id, default: [:]][dialect] = tally
      return tally
    }
  }

  /// Counts live as long as the record.
  func forget(_ ids: some Sequence<InstanceID>) {
    tallies.withLock { tallies in
      for id in ids { tallies[id] = nil }
    }
  }

  /// Forgets all but the instances of a catalogue.
  func keep(only catalog: borrowing Catalog) {
    let known = tallies.withLock { Array($0.keys) }
    forget(known.filter { !catalog.has($0) })
  }

  /// What was counted for each instance, by dialect; without those that count nothing yet.
  public var uses: [InstanceID: [String: Use]] {
    tallies.withLock { $0 }
      .mapValues { $0.mapValues(\.use).filter { $0.value.requests > 0 } }
      .filter { !$0.value.isEmpty }
  }
}

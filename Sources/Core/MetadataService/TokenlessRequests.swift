public import Inventory
import Synchronization

/// Requests that were answered without a session token: what would be refused if tokens were
/// required. An operator looks here before requiring them.
public final class TokenlessRequests: Sendable {
  /// One instance's count, which whoever answers it often keeps at hand.
  final class Tally: Sendable {
    private let uses = Mutex<[String: Use]>([:])

    func note(_ dialect: String, now: Int) {
      uses.withLock { uses in
        var use = uses[dialect] ?? Use(requests: 0, lastSeenSeconds: now)
        use.requests &+= 1
        use.lastSeenSeconds = now
        uses[dialect] = use
      }
    }

    var current: [String: Use] { uses.withLock { $0 } }
  }

  public struct Use: Sendable, Hashable {
    public var requests: UInt64
    /// Seconds since 1970.
    public var lastSeenSeconds: Int
  }

  private let tallies = Mutex<[InstanceID: Tally]>([:])

  init() {}

  func tally(of id: InstanceID) -> Tally {
    tallies.withLock { tallies in
      if let tally = tallies[id] { return tally }
      let tally = Tally()
      tallies[id] = tally
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
    forget(
      known.filter { catalog.record(ResourceID(kind: .instance, text: $0.description)) == nil })
  }

  /// What was counted for each instance, by dialect; those without a request are left out.
  public var uses: [InstanceID: [String: Use]] {
    tallies.withLock { $0 }.mapValues(\.current).filter { !$0.value.isEmpty }
  }
}

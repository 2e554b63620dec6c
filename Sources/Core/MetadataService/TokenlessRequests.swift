public import Dialects
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

  private struct Key: Hashable {
    let instance: InstanceID
    let dialect: DialectName
  }

  private let tallies = Mutex<[Key: Tally]>([:])

  init() {}

  func tally(of id: InstanceID, in dialect: DialectName) -> Tally {
    let key = Key(instance: id, dialect: dialect)
    return tallies.withLock { tallies in
      func kept(_ tally: inout Tally) -> Tally { tally }
      // One look-up, whether or not it is there.
      return kept(&tallies[key, default: Tally()])
    }
  }

  /// Makes room, so that a guest's first request does not wait until all counts have moved.
  func reserve(_ instances: Int) {
    tallies.withLock { $0.reserveCapacity(instances * DialectName.allCases.count / 2) }
  }

  /// Counts live as long as the record.
  func forget(_ ids: some Sequence<InstanceID>) {
    tallies.withLock { tallies in
      for id in ids {
        for dialect in DialectName.allCases { tallies[Key(instance: id, dialect: dialect)] = nil }
      }
    }
  }

  /// Forgets all but the instances of a catalogue.
  func keep(only catalog: borrowing Catalog) {
    let known = Set(tallies.withLock { $0.keys.map(\.instance) })
    forget(known.filter { !catalog.has($0) })
  }

  /// What was counted for each instance, by dialect; without those that count nothing yet.
  public var uses: [InstanceID: [DialectName: Use]] {
    var uses: [InstanceID: [DialectName: Use]] = [:]
    for (key, tally) in tallies.withLock({ $0 }) where tally.use.requests > 0 {
      uses[key.instance, default: [:]][key.dialect] = tally.use
    }
    return uses
  }
}

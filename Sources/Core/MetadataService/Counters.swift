import Synchronization

/// How often each thing happened since the start: requests by dialect, refusals by reason.
public final class Counters: Sendable {
  private let counts = Mutex<[String: UInt64]>([:])

  public init() {}

  public func increment(_ name: String) {
    counts.withLock { $0[name, default: 0] &+= 1 }
  }

  /// All counts, by name.
  public var values: [String: UInt64] { counts.withLock { $0 } }
}

/// Which hashes were seen before, as far as that is remembered: what is met once is not worth keeping.
///
/// Each has one place, which the next to come there takes.
public struct RecentHashes: Sendable {
  /// Of each what its place does not say; few bytes, so that they stay in the processor's cache.
  private var rests: [UInt32]

  /// - Parameter places: How many are remembered. A power of two.
  public init(places: Int) { rests = [UInt32](repeating: 0, count: places) }

  /// Whether a hash was seen before; from now on it was.
  public mutating func isSeenAgain(_ hash: UInt64) -> Bool {
    // Other bits than those that tables find places by.
    let place = Int(truncatingIfNeeded: hash >> 32) & (rests.count - 1)
    let rest = UInt32(truncatingIfNeeded: hash)
    defer { rests[place] = rest }
    return rests[place] == rest
  }
}

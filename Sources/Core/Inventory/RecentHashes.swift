/// Which hashes were seen before, as far as that is remembered: what is met once is not worth keeping.
///
/// Each has one place, which the next to come there takes.
public struct RecentHashes: Sendable {
  private var hashes: [UInt64]

  /// - Parameter places: How many are remembered. A power of two.
  public init(places: Int) { hashes = [UInt64](repeating: 0, count: places) }

  /// Whether a hash was seen before; from now on it was.
  public mutating func isSeenAgain(_ hash: UInt64) -> Bool {
    // Other bits than those that tables find places by.
    let place = Int(truncatingIfNeeded: hash >> 32) & (hashes.count - 1)
    defer { hashes[place] = hash }
    return hashes[place] == hash
  }
}

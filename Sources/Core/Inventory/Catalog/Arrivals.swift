/// The ids of the instances that came last, for who has seen those that were there before.
struct Arrivals: Sendable {
  /// How many have come, ever.
  private(set) var count = 0
  /// The last ones; the next takes the oldest one's place.
  private var ids: [InstanceID] = []

  mutating func note(_ id: InstanceID) {
    if ids.count < Limits.maximumArrivals {
      ids.append(id)
    } else {
      ids[count % Limits.maximumArrivals] = id
    }
    count += 1
  }

  /// Those that came after so many, in no order; nil where not all of them are remembered.
  func since(_ earlier: Int) -> [InstanceID]? {
    guard earlier >= 0, earlier <= count, count - earlier <= ids.count else { return nil }
    return (earlier..<count).map { ids[$0 % Limits.maximumArrivals] }
  }
}

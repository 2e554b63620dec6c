import Inventory

/// Slows down who shows one wrong token after another: each address may fail a few times, and gets
/// one attempt back every few seconds. Time is passed in.
struct FailureThrottle {
  private struct Bucket {
    var failures: Double
    var atSeconds: Int
  }

  private let limit: Int
  private let secondsPerFailure: Int
  private let capacity: Int
  private var buckets: [String: Bucket] = [:]

  init(limit: Int, secondsPerFailure: Int, capacity: Int) {
    self.limit = limit
    self.secondsPerFailure = secondsPerFailure
    self.capacity = capacity
  }

  /// How long an address must wait; nil where it may try now.
  func wait(for address: String, now: Int) -> Int? {
    let failures = failures(of: address, now: now)
    guard failures > Double(limit - 1) else { return nil }
    let over = failures - Double(limit - 1)
    return max(1, Int((over * Double(secondsPerFailure)).rounded(.up)))
  }

  mutating func fail(_ address: String, now: Int) {
    let failures = failures(of: address, now: now)
    if buckets[address] == nil, buckets.count >= capacity { makeRoom(now: now) }
    buckets[address] = Bucket(failures: min(failures + 1, Double(limit)), atSeconds: now)
  }

  private func failures(of address: String, now: Int) -> Double {
    guard let bucket = buckets[address] else { return 0 }
    // A clock that was set back forgives nothing and accuses of nothing more.
    let passed = Double(max(0, now - bucket.atSeconds)) / Double(secondsPerFailure)
    return max(0, bucket.failures - passed)
  }

  /// Forgets who has no failure left, or else who has waited longest.
  private mutating func makeRoom(now: Int) {
    let forgiven = buckets.keys.filter { failures(of: $0, now: now) == 0 }
    for address in forgiven { buckets[address] = nil }
    if forgiven.isEmpty, let oldest = buckets.min(by: { $0.value.atSeconds < $1.value.atSeconds }) {
      buckets[oldest.key] = nil
    }
  }
}

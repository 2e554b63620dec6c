/// How long to wait after each failure: twice as long each time up to a bound, and a random part of
/// it, so that machines that start together do not ask together. It never ends.
struct Backoff: Hashable {
  private let first: Int64
  private let longest: Int64
  private var failures = 0

  init(
    firstMilliseconds: Int64 = Bounds.firstWaitMilliseconds,
    longestMilliseconds: Int64 = Bounds.longestWaitMilliseconds
  ) {
    first = firstMilliseconds
    longest = longestMilliseconds
  }

  mutating func reset() { failures = 0 }

  /// - Parameter random: From 0 to 1. The wait is between half of the step and the whole.
  mutating func next(random: Double) -> Int64 {
    // 2^20 × any first wait is beyond any longest one.
    let step = min(longest, first << Int64(min(failures, 20)))
    failures = min(failures + 1, 20)
    return Backoff.jitter(step, random: random)
  }

  static func jitter(_ milliseconds: Int64, random: Double) -> Int64 {
    milliseconds / 2 + Int64(Double(milliseconds - milliseconds / 2) * min(max(random, 0), 1))
  }
}

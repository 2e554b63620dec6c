/// How much there may be of something: so much a second, and so much at once.
public struct Rate: Sendable, Hashable {
  /// 0 for no bound.
  public var perSecond: Int
  /// What may come at once after a time of rest; at least 1.
  public var burst: Int

  public init(perSecond: Int, burst: Int) {
    self.perSecond = max(0, perSecond)
    self.burst = max(1, burst)
  }

  /// A part of this rate; none where there is no bound.
  func divided(by parts: Int) -> Rate {
    guard perSecond > 0 else { return self }
    return Rate(perSecond: max(1, perSecond / parts), burst: burst / parts)
  }

  /// How long it takes to earn so many units, in nanoseconds.
  fileprivate func nanoseconds(of units: Int) -> Int {
    // Within 2^32 units a product with 10^9 cannot overflow.
    min(max(0, units), Int(UInt32.max)) * 1_000_000_000 / max(1, perSecond)
  }
}

/// A token bucket, kept as the one moment at which it will be full again.
///
/// That makes a bucket which is full the same as none: it can be forgotten, and nobody gains by it.
/// The clock is milliseconds that do not go back.
struct TokenBucket: Sendable, Hashable {
  /// Nanoseconds of the clock.
  private var fullAt = 0

  /// Whether nothing is missing.
  func isFull(now: Int) -> Bool { fullAt <= TokenBucket.nanoseconds(now) }

  /// How long it takes until there is a unit, in milliseconds; 0 where there is one.
  func wait(at rate: Rate, now: Int) -> Int {
    guard rate.perSecond > 0 else { return 0 }
    let missing = max(0, fullAt - TokenBucket.nanoseconds(now))
    let excess = missing - rate.nanoseconds(of: rate.burst - 1)
    return excess > 0 ? (excess + 999_999) / 1_000_000 : 0
  }

  /// Takes units, whether or not they are there: what is missing has to be earned first.
  mutating func take(_ units: Int = 1, at rate: Rate, now: Int) {
    guard rate.perSecond > 0 else { return }
    let start = max(fullAt, TokenBucket.nanoseconds(now))
    let (sum, isTooMuch) = start.addingReportingOverflow(rate.nanoseconds(of: units))
    // Half of what there is leaves room for what is computed from it.
    fullAt = isTooMuch ? .max / 2 : min(sum, .max / 2)
  }

  private static func nanoseconds(_ milliseconds: Int) -> Int {
    // A clock beyond 200 years is at its end.
    min(max(0, milliseconds), 6_000_000_000_000) * 1_000_000
  }
}

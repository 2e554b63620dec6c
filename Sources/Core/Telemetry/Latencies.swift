import Histogram

/// How long things took: every duration is counted, none is kept, and a percentile is right to
/// within a hundredth of itself.
///
/// It belongs to one thread or one lock. A copy costs nothing until one of the two goes on counting.
public struct Latencies: Sendable {
  /// Durations are told apart from a microsecond on. Nothing that a guest waits for lasts longer than
  /// the other end; what does is counted as that.
  private static let leastNanoseconds: UInt64 = 1000
  private static let mostNanoseconds: UInt64 = 100_000_000_000

  private var histogram = Histogram<UInt64>(
    lowestDiscernibleValue: leastNanoseconds, highestTrackableValue: mostNanoseconds,
    numberOfSignificantValueDigits: .two)
  /// Of all durations, as they were.
  public private(set) var sumNanoseconds: UInt64 = 0

  public init() {}

  public var count: UInt64 { histogram.totalCount }

  /// Counts a duration so many times; one that is less than nothing as nothing.
  public mutating func record(nanoseconds: Int, count: Int = 1) {
    let value = UInt64(clamping: nanoseconds)
    let times = UInt64(clamping: count)
    sumNanoseconds &+= value &* times
    histogram.record(min(value, Latencies.mostNanoseconds), count: times)
  }

  public mutating func add(_ other: Latencies) {
    sumNanoseconds &+= other.sumNanoseconds
    histogram.add(other.histogram)
  }

  /// A duration and how many had it, as near as they are told apart.
  public struct Step: Sendable, Hashable {
    /// The longest that counts as this one.
    public var nanoseconds: UInt64
    public var count: UInt64

    public init(nanoseconds: UInt64, count: UInt64) {
      self.nanoseconds = nanoseconds
      self.count = count
    }
  }

  /// All durations, the shortest first; without those that nothing took.
  public var steps: [Step] {
    var steps: [Step] = []
    var value: UInt64 = 0
    // The library's own walk adds up durations in a way that ends the program where they overflow.
    while value <= histogram.maxRecorded {
      let count = histogram.countForValue(value)
      let next = histogram.nextNonEquivalentForValue(value)
      if count > 0 { steps.append(Step(nanoseconds: next - 1, count: count)) }
      value = next
    }
    return steps
  }
}

extension [Latencies.Step] {
  /// How many durations there are.
  public var total: UInt64 { reduce(0) { $0 &+ $1.count } }

  /// What so many of a hundred durations do not exceed, in nanoseconds; nil where there is none.
  public func nanoseconds(atPercentile percent: Double) -> UInt64? {
    let wanted = UInt64((Double(total) * percent / 100).rounded(.up))
    var count: UInt64 = 0
    for step in self {
      count &+= step.count
      if count >= wanted { return step.nanoseconds }
    }
    return last?.nanoseconds
  }

  /// What has come since earlier counts of the same thing. After a start anew that is all.
  public func since(_ earlier: [Latencies.Step]) -> [Latencies.Step] {
    let before = Dictionary(earlier.map { ($0.nanoseconds, $0.count) }) { first, _ in first }
    guard total >= earlier.total else { return self }
    return compactMap { step in
      let (count, isLess) = step.count.subtractingReportingOverflow(before[step.nanoseconds] ?? 0)
      guard !isLess, count > 0 else { return nil }
      return Latencies.Step(nanoseconds: step.nanoseconds, count: count)
    }
  }
}

import Telemetry
import Testing

@Suite("Latencies")
struct LatenciesTests {
  @Test(
    "a percentile is right to within a hundredth",
    arguments: [50.0, 90, 99, 99.9, 100])
  func percentiles(_ percent: Double) throws {
    var latencies = Latencies()
    // From some microseconds to seconds, each decade as likely as the next.
    let durations = sequence(first: 8000.0) { $0 * 1.0006 }.prefix(20_000).map { Int($0) }
    for duration in durations { latencies.record(nanoseconds: duration) }
    let index = Int((Double(durations.count) * percent / 100).rounded(.up)) - 1
    let found = try #require(latencies.steps.nanoseconds(atPercentile: percent))
    #expect(abs(Double(found) / Double(durations[index]) - 1) < 0.01)
    #expect(latencies.sumNanoseconds == durations.reduce(0) { $0 + UInt64($1) })
  }

  @Test(
    "every duration is counted, whatever it is",
    arguments: [Int.min, -1, 0, 1, 999, 1000, 99_999_999_999, 100_000_000_000, Int.max])
  func extremes(_ nanoseconds: Int) {
    var latencies = Latencies()
    for _ in 0..<3 { latencies.record(nanoseconds: nanoseconds) }
    #expect(latencies.count == 3)
    #expect(latencies.steps.map(\.count) == [3])
  }

  @Test("two threads' counts add up, and an interval is what came between")
  func sums() {
    var (first, second) = (Latencies(), Latencies())
    first.record(nanoseconds: 20_000, count: 5)
    second.record(nanoseconds: 20_000)
    second.record(nanoseconds: 3_000_000, count: 2)
    let before = first.steps
    first.add(second)
    #expect(first.count == 8)
    #expect(first.steps.since(before) == second.steps)
    #expect(second.steps.since(first.steps) == second.steps, "a daemon that started anew")
    #expect([Latencies.Step]().nanoseconds(atPercentile: 99) == nil)
  }
}

import CoreMetrics
import Synchronization

/// Where a series is counted.
protocol MetricCell: AnyObject, Sendable {
  var value: MetricFamily.Value { get }
}

final class CounterCell: MetricCell, CounterHandler {
  private let count = Atomic<UInt64>(0)

  var value: MetricFamily.Value { .count(count.load(ordering: .relaxed)) }

  func increment(by amount: Int64) {
    count.wrappingAdd(UInt64(clamping: amount), ordering: .relaxed)
  }

  func reset() { count.store(0, ordering: .relaxed) }
}

/// A number that is set, or that grows by parts.
final class NumberCell: MetricCell, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
  private let number = Mutex(0.0)

  var value: MetricFamily.Value { .number(number.withLock(\.self)) }

  func increment(by amount: Double) { number.withLock { $0 += amount } }
  func decrement(by amount: Double) { number.withLock { $0 -= amount } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { number.withLock { $0 = value } }
  func record(_ value: Int64) { set(Double(value)) }
  func record(_ value: Double) { set(value) }
  func reset() { set(0.0) }
}

final class SummaryCell: MetricCell, RecorderHandler {
  private let all = Mutex<(count: UInt64, sum: Double)>((0, 0))

  var value: MetricFamily.Value {
    let (count, sum) = all.withLock(\.self)
    return .summary(count: count, sum: sum)
  }

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    all.withLock { all in
      all.count &+= 1
      all.sum += value
    }
  }
}

final class TimerCell: MetricCell, TimerHandler {
  private let latencies = Mutex(Latencies())

  var value: MetricFamily.Value { .latencies(latencies.withLock(\.self)) }

  func recordNanoseconds(_ duration: Int64) {
    latencies.withLock { $0.record(nanoseconds: Int(duration)) }
  }
}

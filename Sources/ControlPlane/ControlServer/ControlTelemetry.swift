public import ControlAPI
import CoreMetrics
public import Telemetry

/// Where the operators' side finds what is measured, and where it counts what it does itself.
public struct ControlTelemetry: Sendable {
  let registry: MetricsRegistry
  let families: @Sendable () async -> [MetricFamily]
  let load: @Sendable () async -> LoadForm
  private let durations: Timer

  /// - Parameters:
  ///   - registry: Where requests of operators are counted.
  ///   - families: Everything that is measured, at this moment.
  ///   - load: What guests ask, at this moment.
  public init(
    registry: MetricsRegistry, families: @escaping @Sendable () async -> [MetricFamily],
    load: @escaping @Sendable () async -> LoadForm
  ) {
    self.registry = registry
    self.families = families
    self.load = load
    durations = Timer(label: Metric.controlRequestSeconds.rawValue, factory: registry)
    for reason in AccessRefusal.allCases { count(.controlRefused, reason.rawValue, by: 0) }
  }

  /// Counts an answer to an operator.
  /// - Parameter operation: Nil where the request was for none.
  func note(_ operation: Operation?, status: Int, duration: Duration) {
    count(.controlRequests, operation?.rawValue ?? "none", "\(status / 100)xx")
    durations.recordNanoseconds(Int64(duration / .nanoseconds(1)))
  }

  func note(_ refusal: AccessRefusal) { count(.controlRefused, refusal.rawValue) }

  private func count(_ metric: Metric, _ values: String..., by amount: Int = 1) {
    Counter(
      label: metric.rawValue, dimensions: Array(zip(metric.labels, values)), factory: registry
    ).increment(by: amount)
  }
}

/// Why somebody on the network was not let in.
enum AccessRefusal: String, CaseIterable {
  case unauthorized
  case throttled
}

import CoreMetrics
public import Telemetry

/// What happens seldom, counted by reason. What happens with each request is counted by the threads that
/// answer.
///
/// All series are there from the start, at 0: what is absent cannot be told from what is broken.
public final class Counters: Sendable {
  /// Where it is counted, and where others count beside it.
  public let registry: MetricsRegistry
  private let refusals: [Refusal.Reason: Counter]
  private let audited: [Refusal.Reason: Counter]
  private let tokens: Counter
  private let probes: Counter

  public init(_ registry: MetricsRegistry = MetricsRegistry()) {
    self.registry = registry
    let counter = { (metric: Metric, values: String...) in
      Counter(
        label: metric.rawValue, dimensions: Array(zip(metric.labels, values)), factory: registry)
    }
    let byReason = { (metric: Metric, reasons: [Refusal.Reason]) in
      Dictionary(uniqueKeysWithValues: reasons.map { ($0, counter(metric, $0.rawValue)) })
    }
    refusals = byReason(.refusals, Refusal.Reason.allCases)
    audited = byReason(.audited, Refusal.Reason.audited)
    tokens = counter(.tokensIssued)
    probes = counter(.probes)
  }

  public func note(_ refusal: Refusal) { refusals[refusal.reason]?.increment() }

  /// Notes what would be refused if its rule were enforced.
  func note(audited refusal: Refusal) { audited[refusal.reason]?.increment() }

  func noteToken() { tokens.increment() }

  func noteProbe() { probes.increment() }

  /// What has been counted at all, by short names such as `refusals.not-found`.
  public var values: [String: UInt64] { CounterNames.counts(of: registry.families) }

  /// What has been refused, by reason.
  public var refused: [String: UInt64] {
    let name = "refusals."
    let counts = values.filter { $0.key.hasPrefix(name) }
    return Dictionary(
      uniqueKeysWithValues: counts.map { (String($0.key.dropFirst(name.count)), $0.value) })
  }
}

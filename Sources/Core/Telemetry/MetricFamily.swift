/// A metric with what it is at the moment.
public struct MetricFamily: Sendable {
  public enum Value: Sendable {
    case count(UInt64)
    case number(Double)
    case latencies(Latencies)
    case summary(count: UInt64, sum: Double)
  }

  /// One series.
  public struct Sample: Sendable {
    public var labels: [(name: String, value: String)]
    public var value: Value

    public init(labels: [(name: String, value: String)] = [], value: Value) {
      self.labels = labels
      self.value = value
    }
  }

  public var name: String
  public var kind: Metric.Kind
  public var help: String
  public var samples: [Sample]

  /// A metric of ours.
  /// - Parameter samples: The labels' values, in the metric's order, and what they are at.
  public init(_ metric: Metric, _ samples: [(labels: [String], value: Value)]) {
    self.init(
      name: metric.rawValue, kind: metric.kind, help: metric.help,
      samples: samples.map { sample in
        let labels = zip(metric.labels, sample.labels).map { (name: $0, value: $1) }
        return Sample(labels: labels, value: sample.value)
      })
  }

  /// A metric of ours without labels.
  public init(_ metric: Metric, _ value: Value) { self.init(metric, [([], value)]) }

  init(name: String, kind: Metric.Kind, help: String, samples: [Sample]) {
    self.name = name
    self.kind = kind
    self.help = help
    self.samples = samples
  }
}

/// The counters' short names, for people: `refusals.not-found`.
public enum CounterNames {
  /// What has been counted at all; a sum over what the name does not tell.
  public static func counts(of families: [MetricFamily]) -> [String: UInt64] {
    var counts: [String: UInt64] = [:]
    for family in families {
      guard let metric = Metric(rawValue: family.name), let prefix = prefix(of: metric) else {
        continue
      }
      for sample in family.samples {
        guard case .count(let count) = sample.value, count > 0 else { continue }
        let name = sample.labels.first.map { "\(prefix).\($0.value)" } ?? prefix
        counts[name, default: 0] &+= count
      }
    }
    return counts
  }

  private static func prefix(of metric: Metric) -> String? {
    switch metric {
    case .guestRequests: "requests"
    case .probes: "requests.probe"
    case .refusals: "refusals"
    case .audited: "audit"
    case .tokensIssued: "tokens.issued"
    case .controlRefused: "control"
    default: nil
    }
  }
}

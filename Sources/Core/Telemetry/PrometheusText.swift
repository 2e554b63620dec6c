/// Metrics in Prometheus' text form, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
public enum PrometheusText {
  public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  /// The upper bounds of a histogram's buckets. A percentile of `nameplate top` is finer.
  static let bounds: [(seconds: String, nanoseconds: UInt64)] = [
    ("0.00001", 10_000), ("0.000025", 25_000), ("0.00005", 50_000), ("0.0001", 100_000),
    ("0.00025", 250_000), ("0.0005", 500_000), ("0.001", 1_000_000), ("0.0025", 2_500_000),
    ("0.005", 5_000_000), ("0.01", 10_000_000), ("0.025", 25_000_000), ("0.05", 50_000_000),
    ("0.1", 100_000_000), ("0.25", 250_000_000), ("0.5", 500_000_000), ("1", 1_000_000_000),
    ("2.5", 2_500_000_000), ("5", 5_000_000_000), ("10", 10_000_000_000),
    ("30", 30_000_000_000),
  ]

  public static func write(_ families: [MetricFamily]) -> String {
    var text = ""
    for family in families where !family.samples.isEmpty {
      text += "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
      text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
      for sample in family.samples { write(sample, of: family.name, into: &text) }
    }
    return text
  }

  private static func write(
    _ sample: MetricFamily.Sample, of name: String, into text: inout String
  ) {
    let labels = sample.labels
    switch sample.value {
    case .count(let count): text += "\(name)\(written(labels)) \(count)\n"
    case .number(let number): text += "\(name)\(written(labels)) \(written(number))\n"
    case .summary(let count, let sum):
      text += "\(name)_sum\(written(labels)) \(written(sum))\n"
      text += "\(name)_count\(written(labels)) \(count)\n"
    case .latencies(let latencies):
      for (bound, count) in buckets(of: latencies) {
        text += "\(name)_bucket\(written(labels + [("le", bound)])) \(count)\n"
      }
      text += "\(name)_sum\(written(labels)) \(seconds(latencies.sumNanoseconds))\n"
      text += "\(name)_count\(written(labels)) \(latencies.count)\n"
    }
  }

  /// How many took no longer than each bound, and all.
  private static func buckets(of latencies: Latencies) -> [(bound: String, count: UInt64)] {
    var steps = latencies.steps[...]
    var count: UInt64 = 0
    var buckets = bounds.map { bound in
      while let step = steps.first, step.nanoseconds <= bound.nanoseconds {
        count &+= step.count
        steps.removeFirst()
      }
      return (bound: bound.seconds, count: count)
    }
    buckets.append((bound: "+Inf", count: latencies.count))
    return buckets
  }

  private static func written(_ labels: [(name: String, value: String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }
    return "{\(pairs.joined(separator: ","))}"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// As Go's ParseFloat reads it.
  private static func written(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: number) { return "\(whole)" }
    return "\(number)"
  }

  /// Nanoseconds as seconds, without a loss.
  private static func seconds(_ nanoseconds: UInt64) -> String {
    let part = String(nanoseconds % 1_000_000_000)
    return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - part.count) + part
  }
}

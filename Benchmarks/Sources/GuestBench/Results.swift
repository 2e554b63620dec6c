import Foundation

/// Something of each server that is measured beside the others.
struct Sides<Value> {
  var ours: Value
  var nginx: Value
  /// Our own, where each request shows a session token.
  var withTokens: Value

  static var all: [WritableKeyPath<Sides, Value>] { [\.ours, \.nginx, \.withTokens] }

  func map<Other>(_ transform: (Value) -> Other) -> Sides<Other> {
    Sides<Other>(
      ours: transform(ours), nginx: transform(nginx), withTokens: transform(withTokens))
  }
}

/// One document in one mode, all servers: medians over the rounds.
struct Row: Codable {
  var document: String
  var mode: Mode
  var ours: Sample
  var nginx: Sample
  var withTokens: Sample

  /// Ours over nginx'; more is better.
  var requestRatio: Double {
    nginx.requestsPerSecond > 0 ? ours.requestsPerSecond / nginx.requestsPerSecond : 0
  }

  /// Ours over nginx'; less is better. Nil where nginx' time was too short to see.
  var cpuRatio: Double? { Row.cpuRatio(of: ours, over: nginx) }

  /// Ours with session tokens over ours without.
  var tokenCPURatio: Double? { Row.cpuRatio(of: withTokens, over: ours) }

  /// Nova's own service, as it was measured with uWSGI, two workers and a warm cache: 300 to 550 µs.
  static let novaMicroseconds = 300.0

  /// How often our CPU time goes into the least of Nova's; more is better.
  var novaRatio: Double? {
    ours.cpuMicrosecondsPerRequest > 0
      ? Row.novaMicroseconds / ours.cpuMicrosecondsPerRequest : nil
  }

  private static func cpuRatio(of sample: Sample, over other: Sample) -> Double? {
    other.cpuMicrosecondsPerRequest > 0
      ? sample.cpuMicrosecondsPerRequest / other.cpuMicrosecondsPerRequest : nil
  }
}

/// All samples of one document in one mode, round by round.
struct Series {
  var target: Target
  var mode: Mode
  var samples = Sides<[Sample]>(ours: [], nginx: [], withTokens: [])

  var row: Row {
    let medians = samples.map(Series.median)
    return Row(
      document: target.name, mode: mode, ours: medians.ours, nginx: medians.nginx,
      withTokens: medians.withTokens)
  }

  /// Requests and failures are sums: a failure in any round must show.
  private static func median(of samples: [Sample]) -> Sample {
    Sample(
      requests: samples.map(\.requests).reduce(0, +),
      requestsPerSecond: median(of: samples.map(\.requestsPerSecond)),
      failures: samples.map(\.failures).reduce(0, +),
      cpuMicrosecondsPerRequest: median(of: samples.map(\.cpuMicrosecondsPerRequest)))
  }

  static func median(of values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return 0 }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

/// What must hold, kept as data in thresholds.json: by mode, by document.
struct Thresholds {
  struct Threshold: Codable {
    /// Our requests per second over nginx'.
    var requestRatioMinimum: Double
    /// Our CPU time per request over nginx'.
    var cpuRatioMaximum: Double
    /// Our CPU time per request with session tokens over that without.
    var tokenCPURatioMaximum: Double
    /// The least of Nova's CPU time per request over ours.
    var novaRatioMinimum: Double
  }

  private let byMode: [String: [String: Threshold]]

  static func read(_ file: String) throws -> Thresholds {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw BenchError("\(file) cannot be read; start from the root of the checkout")
    }
    do {
      return Thresholds(
        byMode: try JSONDecoder().decode([String: [String: Threshold]].self, from: data))
    } catch {
      throw BenchError("\(file): \(error)")
    }
  }

  /// What is missed, in words. A document without a threshold is missed too: a renamed one must
  /// not pass unseen.
  func missed(by rows: [Row]) -> [String] {
    rows.flatMap { row -> [String] in
      let name = "\(row.document), \(row.mode.rawValue)"
      guard let threshold = byMode[row.mode.rawValue]?[row.document] else {
        return ["\(name): there is no threshold for it"]
      }
      let atLeast = [
        (row.requestRatio, threshold.requestRatioMinimum, "of nginx' requests per second"),
        (row.novaRatio, threshold.novaRatioMinimum, "times less CPU time per request than Nova"),
      ]
      let atMost = [
        (row.cpuRatio, threshold.cpuRatioMaximum, "of nginx' CPU time per request"),
        (
          row.tokenCPURatio, threshold.tokenCPURatioMaximum,
          "of its CPU time per request where tokens are checked"
        ),
      ]
      return atLeast.compactMap { ratio, minimum, what in
        guard let ratio, ratio < minimum else { return nil }
        return "\(name): \(ratio.text(2)) \(what); at least \(minimum.text(2)) are wanted"
      }
        + atMost.compactMap { ratio, maximum, what in
          guard let ratio, ratio > maximum else { return nil }
          return "\(name): \(ratio.text(2)) \(what); at most \(maximum.text(2)) are wanted"
        }
    }
  }
}

/// A whole bench.
struct Results: Codable {
  var facts: [Fact]
  var rows: [Row]
  /// What failed or was missed, in words; empty for success.
  var problems: [String]

  static func failures(in rows: [Row]) -> [String] {
    rows.flatMap { row in
      [
        ("nameplate", row.ours), ("nginx", row.nginx), ("nameplate with tokens", row.withTokens),
      ].compactMap { name, sample in
        sample.failures == 0
          ? nil
          : "\(name): \(sample.failures) failed requests of \(sample.requests) "
            + "(\(row.document), \(row.mode.rawValue))"
      }
    }
  }
}

extension Double {
  /// With so many decimals.
  func text(_ decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}

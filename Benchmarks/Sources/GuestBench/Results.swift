import Foundation

/// One document in one mode, both servers: medians over the rounds.
struct Row: Codable {
  var document: String
  var mode: Mode
  var ours: Sample
  var nginx: Sample

  /// Ours over nginx'; more is better.
  var requestRatio: Double {
    nginx.requestsPerSecond > 0 ? ours.requestsPerSecond / nginx.requestsPerSecond : 0
  }

  /// Ours over nginx'; less is better. Nil where nginx' time was too short to see.
  var cpuRatio: Double? {
    nginx.cpuMicrosecondsPerRequest > 0
      ? ours.cpuMicrosecondsPerRequest / nginx.cpuMicrosecondsPerRequest : nil
  }
}

/// All samples of one document in one mode, round by round.
struct Series {
  var target: Target
  var mode: Mode
  var ours: [Sample] = []
  var nginx: [Sample] = []

  var row: Row {
    Row(
      document: target.name, mode: mode, ours: Series.median(of: ours),
      nginx: Series.median(of: nginx))
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
      var missed: [String] = []
      if row.requestRatio < threshold.requestRatioMinimum {
        missed.append(
          "\(name): \(row.requestRatio.text(2)) of nginx' requests per second; at least "
            + "\(threshold.requestRatioMinimum.text(2)) are wanted")
      }
      if let ratio = row.cpuRatio, ratio > threshold.cpuRatioMaximum {
        missed.append(
          "\(name): \(ratio.text(2)) of nginx' CPU time per request; at most "
            + "\(threshold.cpuRatioMaximum.text(2)) are wanted")
      }
      return missed
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
      [("nameplate", row.ours), ("nginx", row.nginx)].compactMap { name, sample in
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

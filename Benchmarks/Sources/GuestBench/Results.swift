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

/// What must hold, kept as data in thresholds.json.
struct Thresholds: Codable {
  /// By document: our requests per second with keep-alive over nginx'.
  var keepAliveRequestRatioMinimum: [String: Double]

  static func read(_ file: String) throws -> Thresholds {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw BenchError("\(file) cannot be read; start from the root of the checkout")
    }
    do {
      return try JSONDecoder().decode(Thresholds.self, from: data)
    } catch {
      throw BenchError("\(file): \(error)")
    }
  }

  /// What is missed, in words. A document without a threshold is missed too: a renamed one must
  /// not pass unseen.
  func missed(by rows: [Row]) -> [String] {
    rows.filter { $0.mode == .keepAlive }.compactMap { row in
      guard let minimum = keepAliveRequestRatioMinimum[row.document] else {
        return "\(row.document): there is no threshold for it"
      }
      guard row.requestRatio < minimum else { return nil }
      return "\(row.document): \(row.requestRatio.text(2)) of nginx' requests per second with "
        + "keep-alive; at least \(minimum.text(2)) are wanted"
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

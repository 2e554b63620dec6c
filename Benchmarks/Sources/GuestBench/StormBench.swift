import Foundation

/// Ten thousand guests that boot after a power cut, each with cloud-init's requests, beside nginx with
/// the same bytes in files.
struct StormBench {
  let options: Options
  let folder: String

  /// When guests boot.
  enum Work: String, Codable, CaseIterable {
    case alone
    case spread
    case dense
    case together

    var text: String {
      switch self {
      case .alone: "one after the other"
      case .spread: "rack by rack"
      case .dense: "twice as many racks"
      case .together: "all at once"
      }
    }
  }

  struct Row: Codable {
    var work: Work
    var guests: Int
    var ours: Side
    var nginx: Side

    var timeRatio: Double { nginx.seconds > 0 ? ours.seconds / nginx.seconds : 0 }
  }

  /// Medians over the rounds; failures are their sum. Times in milliseconds.
  struct Side: Codable {
    var seconds: Double
    var requestsPerSecond: Double
    /// From when a request was due to its last byte.
    var p50: Double
    var p99: Double
    /// From when a request was due until the client opened its connection.
    var latenessP99: Double
    /// Of one core, the client.
    var clientBusy: Double
    var cpuMicrosecondsPerRequest: Double
    /// By what went wrong.
    var failures: [String: Int]

    var failed: Int { failures.values.reduce(0, +) }
  }

  struct Results: Codable {
    var guests: Int
    var requestsOfBoot: Int
    var spreadSeconds: Int
    /// Where twice as many are powered on.
    var denseSeconds: Int
    /// Milliseconds.
    var medianGap: Double
    var rows: [Row]
    var facts: [Fact]
    var problems: [String] = []
  }

  /// What two cores carry with the client beside the server, with half of both to spare: with twice as
  /// much nobody's answers come as soon as a lone guest's, nginx' neither.
  private static let offeredPerSecond = 8000
  private static let guestsAlone = 20

  private var guests: Int { options.isShort ? min(options.guests, 200) : options.guests }
  private var rounds: Int { options.rounds ?? (options.isShort ? 1 : 3) }

  func run() throws -> Results {
    let town = MillionTown(
      options: options, folder: "\(folder)/town", count: guests, networks: StormTown.networks,
      instance: StormTown.instance)
    try town.prepare()
    let ours = try town.serve()
    defer { ours.stop() }
    try town.waitUntilReady(ours)
    let walk = try BootWalk(port: ours.port, as: GuestTown.Guest(number: 0))
    let nginx = try Server.nginx(serving: walk.documents, in: folder)
    defer { nginx.stop() }
    for document in walk.documents {
      guard try nginx.waitUntilReady(document.path) == document.bytes else {
        throw BenchError("nginx does not serve the bytes that we wrote for \(document.path)")
      }
    }
    let requests = walk.steps.count
    let spread = options.spread ?? max(1, guests * requests / StormBench.offeredPerSecond)
    let dense = max(1, spread / 2)
    let paces: [(Work, StormPace)] = [
      (.alone, .alone(min(guests, StormBench.guestsAlone), requests: requests)),
      (.spread, .spread(guests, requests: requests, over: spread * 1_000_000)),
      (.dense, .spread(guests, requests: requests, over: dense * 1_000_000)),
      (.together, .atOnce(guests, requests: requests)),
    ]
    var results = Results(
      guests: guests, requestsOfBoot: requests, spreadSeconds: spread,
      denseSeconds: dense,
      medianGap: StormBench.percentile(0.5, of: StormPace.recorded.map { Int32($0) }.sorted()),
      rows: try paces.filter { options.includes($0.0.rawValue) }
        .map { try row($0, $1, walk, ours, nginx) },
      facts: Fact.all(options, folder: folder).filter { !["haproxy", "wrk"].contains($0.name) })
    results.problems = problems(results)
    return results
  }

  private func row(
    _ work: Work, _ pace: StormPace, _ walk: BootWalk, _ ours: Server, _ nginx: Server
  ) throws -> Row {
    var (ofOurs, ofNginx): ([Side], [Side]) = ([], [])
    for round in 0..<rounds {
      for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
        let server = isOurs ? ours : nginx
        let before = ProcessTime.seconds(ofTree: server.child.processID)
        let outcome = try StormClient.run(pace, walking: walk, at: server)
        try server.checkAlive()
        let used = ProcessTime.seconds(ofTree: server.child.processID) - before
        let side = StormBench.side(outcome, used)
        GuestBench.complain(
          "storm: \(work.text), \(server.name): \(side.seconds.text(1)) s, p99 \(side.p99.text(2)) ms, begun late \(side.latenessP99.text(2)) ms"
        )
        if isOurs { ofOurs.append(side) } else { ofNginx.append(side) }
      }
    }
    return Row(
      work: work, guests: pace.starts.count, ours: StormBench.median(of: ofOurs),
      nginx: StormBench.median(of: ofNginx))
  }

  private static func side(_ outcome: StormClient.Outcome, _ cpuSeconds: Double) -> Side {
    let requests = Double(max(1, outcome.latencies.count))
    let latencies = outcome.latencies.sorted()
    return Side(
      seconds: outcome.seconds, requestsPerSecond: requests / max(outcome.seconds, 0.001),
      p50: percentile(0.5, of: latencies), p99: percentile(0.99, of: latencies),
      latenessP99: percentile(0.99, of: outcome.lateness.sorted()), clientBusy: outcome.busy,
      cpuMicrosecondsPerRequest: cpuSeconds * 1e6 / requests, failures: outcome.failures)
  }

  private static func median(of sides: [Side]) -> Side {
    func median(_ value: (Side) -> Double) -> Double { Series.median(of: sides.map(value)) }
    return Side(
      seconds: median(\.seconds), requestsPerSecond: median(\.requestsPerSecond),
      p50: median(\.p50), p99: median(\.p99), latenessP99: median(\.latenessP99),
      clientBusy: median(\.clientBusy),
      cpuMicrosecondsPerRequest: median(\.cpuMicrosecondsPerRequest),
      failures: sides.reduce(into: [:]) { $0.merge($1.failures, uniquingKeysWith: +) })
  }

  /// In milliseconds.
  private static func percentile(_ part: Double, of sorted: [Int32]) -> Double {
    guard !sorted.isEmpty else { return 0 }
    return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1000
  }

  private func problems(_ results: Results) -> [String] {
    var problems: [String] = []
    for row in results.rows {
      // A short run is too short to judge by; a request that fails is a failure in it, too.
      let judged = [("nameplate", row.ours)] + (options.isShort ? [] : [("nginx", row.nginx)])
      for (server, side) in judged {
        for (failure, count) in side.failures.sorted(by: { $0.key < $1.key }) {
          problems.append("\(row.work.text), \(server): \(count) requests failed, \(failure)")
        }
      }
    }
    guard !options.isShort, let alone = results.row(.alone), let spread = results.row(.spread),
      let together = results.row(.together)
    else { return problems }
    if together.timeRatio > 1.3 {
      problems.append(
        "\(Work.together.text): \(together.timeRatio.text(2)) of nginx' time; at most 1.30 are wanted"
      )
    }
    if spread.ours.p99 > 5 * alone.ours.p50 {
      problems.append(
        "\(Work.spread.text): p99 is \((spread.ours.p99 / alone.ours.p50).text(1)) of a lone guest's"
          + " median; at most 5 are wanted")
    }
    return problems
  }
}

extension StormBench.Results {
  func row(_ work: StormBench.Work) -> StormBench.Row? { rows.first { $0.work == work } }
}

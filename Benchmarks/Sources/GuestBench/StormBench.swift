import Foundation

/// Ten thousand guests that boot after a power cut, each with cloud-init's requests, beside nginx with
/// the same bytes in files.
struct StormBench {
  let options: Options
  let folder: String

  struct Row: Codable {
    /// How many guests boot at a time; the others wait for their turn.
    var together: Int
    var requests: Int
    var ours: Side
    var nginx: Side

    var timeRatio: Double { nginx.seconds > 0 ? ours.seconds / nginx.seconds : 0 }
  }

  /// Medians over the rounds; failures are their sum.
  struct Side: Codable {
    var seconds: Double
    var p50: Double
    var p99: Double
    var cpuMicrosecondsPerRequest: Double
    var failures: Int
  }

  struct Results: Codable {
    var guests: Int
    var requestsOfBoot: Int
    /// Milliseconds of a request where one guest boots alone.
    var quietP50: Double
    var rows: [Row]
    var facts: [Fact]
    var problems: [String] = []
  }

  private var guests: Int { options.isShort ? min(options.guests, 200) : options.guests }
  private var rounds: Int { options.rounds ?? (options.isShort ? 1 : 3) }

  func run() throws -> Results {
    let town = MillionTown(options: options, folder: "\(folder)/town", count: guests)
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
    GuestBench.complain("storm: a guest alone")
    let quiet = try StormClient(20, walking: walk, at: ours).run(together: 1)
    var results = Results(
      guests: guests, requestsOfBoot: walk.steps.count,
      quietP50: StormBench.percentile(0.5, of: quiet.latencies),
      rows: try [guests, 8].map { try row(together: $0, walk, ours, nginx) },
      facts: Fact.all(options, folder: folder).filter { !["haproxy", "wrk"].contains($0.name) })
    results.problems = StormBench.problems(results)
    return results
  }

  private func row(together: Int, _ walk: BootWalk, _ ours: Server, _ nginx: Server) throws -> Row {
    var (ofOurs, ofNginx): ([Side], [Side]) = ([], [])
    for round in 0..<rounds {
      for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
        let server = isOurs ? ours : nginx
        GuestBench.complain("storm: \(together) at a time, \(server.name)")
        let before = ProcessTime.seconds(ofTree: server.child.processID)
        let outcome = try StormClient(guests, walking: walk, at: server)
          .run(together: together)
        try server.checkAlive()
        let used = ProcessTime.seconds(ofTree: server.child.processID) - before
        let side = Side(
          seconds: outcome.seconds, p50: StormBench.percentile(0.5, of: outcome.latencies),
          p99: StormBench.percentile(0.99, of: outcome.latencies),
          cpuMicrosecondsPerRequest: used * 1e6 / Double(max(1, outcome.latencies.count)),
          failures: outcome.failures)
        if isOurs { ofOurs.append(side) } else { ofNginx.append(side) }
      }
    }
    return Row(
      together: together, requests: guests * walk.steps.count * rounds,
      ours: StormBench.median(of: ofOurs), nginx: StormBench.median(of: ofNginx))
  }

  private static func median(of sides: [Side]) -> Side {
    Side(
      seconds: Series.median(of: sides.map(\.seconds)), p50: Series.median(of: sides.map(\.p50)),
      p99: Series.median(of: sides.map(\.p99)),
      cpuMicrosecondsPerRequest: Series.median(of: sides.map(\.cpuMicrosecondsPerRequest)),
      failures: sides.map(\.failures).reduce(0, +))
  }

  /// In milliseconds.
  private static func percentile(_ part: Double, of microseconds: [Int32]) -> Double {
    let sorted = microseconds.sorted()
    guard !sorted.isEmpty else { return 0 }
    return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1000
  }

  private static func problems(_ results: Results) -> [String] {
    results.rows.flatMap { row -> [String] in
      let name = "\(row.together) at a time"
      var problems: [String] = []
      for (server, side) in [("nameplate", row.ours), ("nginx", row.nginx)] where side.failures > 0
      {
        problems.append("\(name), \(server): \(side.failures) failed requests")
      }
      if row.timeRatio > 1.3 {
        problems.append(
          "\(name): \(row.timeRatio.text(2)) of nginx' time; at most 1.30 are wanted")
      }
      if row.ours.p99 > 5 * results.quietP50 {
        problems.append(
          "\(name): p99 is \((row.ours.p99 / results.quietP50).text(1)) of a lone guest's median;"
            + " at most 5 are wanted")
      }
      return problems
    }
  }
}

extension Report {
  private static let stormHeadings = [
    "guests at a time", "server", "seconds", "p50 ms", "p99 ms", "CPU µs/req", "failed",
  ]

  private static func cells(_ row: StormBench.Row) -> [[String]] {
    [("nameplate", row.ours), ("nginx", row.nginx)].map { name, side in
      [
        "\(row.together)", name, side.seconds.text(1), side.p50.text(2), side.p99.text(2),
        side.cpuMicrosecondsPerRequest.text(1), "\(side.failures)",
      ]
    }
  }

  static func table(_ results: StormBench.Results) -> String {
    "\(results.guests) guests, \(results.requestsOfBoot) requests each; a lone guest's median is "
      + "\(results.quietP50.text(2)) ms\n" + table([stormHeadings] + results.rows.flatMap(cells))
  }

  static func markdown(_ results: StormBench.Results) -> String {
    let lines =
      [stormHeadings, stormHeadings.indices.map { $0 < 2 ? "---" : "---:" }]
      + results.rows.flatMap(cells)
    let table = lines.map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
    let facts = results.facts.map { "| \($0.name) | \($0.value) |" }.joined(separator: "\n")
    let verdict =
      results.problems.isEmpty
      ? "All that is wanted was met."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # A boot storm

      Written by `guest-bench storm`; do not edit. \(results.guests) guests boot, each from an address of
      its own with \(results.requestsOfBoot) requests in the order of cloud-init's DataSourceOpenStack, each on a \
      new connection, one
      after the other. One thread plays all guests, on the same machine. nginx has the answers of one guest
      in files. Latency is from opening a connection to its last byte; figures are medians over the rounds.
      Where all guests boot at once, each always waits for as many others as there are: its latency is the
      number of guests over the requests a second, whoever answers. A guest that boots alone waits \
      \(results.quietP50.text(2)) ms
      (median).

      \(table)

      \(verdict)

      | | |
      | --- | --- |
      \(facts)

      """
  }
}

import Foundation

/// What polite guests wait for their answers, alone and beside each attack.
struct HostileBench {
  let options: Options
  let folder: String

  /// A polite guest's p99 beside an attack over its p99 without.
  static let maximumRatio = 3.0

  struct Row: Codable {
    var attack: String
    var requests: Int
    var quiet: Latency
    var attacked: Latency
    var failures: Int

    var ratio: Double { quiet.p99 > 0 ? attacked.p99 / quiet.p99 : 0 }
  }

  /// Milliseconds.
  struct Latency: Codable {
    var p50: Double
    var p99: Double
  }

  struct Results: Codable {
    var rows: [Row]
    var facts: [Fact]
    var problems: [String]
  }

  private var rounds: Int { options.rounds ?? (options.isShort ? 1 : 3) }
  private var seconds: Double { Double(options.seconds ?? (options.isShort ? 1 : 3)) }

  func run() throws -> Results {
    let guests = (0..<20).map { GuestTown.Guest(number: $0) }
    let server = try GuestTown.serve(guests, options, in: folder)
    defer { server.stop() }
    let polite = PoliteGuests(guests, threads: 1, port: server.port, restMilliseconds: 2)
    defer { polite.stop() }
    _ = try observe(polite, server)
    let attacks =
      Enemy.modes.map { ($0, GuestTown.knownEnemy.addressText) }
      + [("connections", GuestTown.strangeEnemy), ("reconnect", GuestTown.strangeEnemy)]
    let rows = try attacks.map { mode, source in
      try row(mode, source, polite, server)
    }
    let facts = Fact.all(options, folder: folder)
      .filter { !["nginx", "haproxy", "wrk"].contains($0.name) }
    return Results(rows: rows, facts: facts, problems: problems(rows))
  }

  private func row(_ mode: String, _ source: String, _ polite: PoliteGuests, _ server: Server)
    throws -> Row
  {
    let name = source == GuestTown.strangeEnemy ? "\(mode), by a stranger" : mode
    GuestBench.complain("hostile: \(name)")
    var (quiet, attacked): ([Latency], [Latency]) = ([], [])
    var (requests, failures) = (0, 0)
    for round in 0..<rounds {
      let before = try observe(polite, server)
      let enemy = try Enemy(
        mode, port: server.port, source: source, pause: 0, log: "\(folder)/enemy-\(round).log")
      defer { enemy.stop() }
      try enemy.waitUntilAttacking()
      let during = try observe(polite, server)
      quiet.append(Latency(p50: before.percentile(0.5), p99: before.percentile(0.99)))
      attacked.append(Latency(p50: during.percentile(0.5), p99: during.percentile(0.99)))
      requests += during.requests
      failures += before.failures + before.wrong + during.failures + during.wrong
    }
    return Row(
      attack: name, requests: requests, quiet: median(quiet), attacked: median(attacked),
      failures: failures)
  }

  private func median(_ latencies: [Latency]) -> Latency {
    Latency(
      p50: Series.median(of: latencies.map(\.p50)), p99: Series.median(of: latencies.map(\.p99)))
  }

  private func observe(_ polite: PoliteGuests, _ server: Server) throws -> Observations {
    _ = polite.take()
    for _ in 0..<Int(seconds * 20) {
      try Interrupt.check()
      try server.checkAlive()
      pause(milliseconds: 50)
    }
    return polite.take()
  }

  private func problems(_ rows: [Row]) -> [String] {
    rows.flatMap { row in
      var problems: [String] = []
      if row.failures > 0 {
        problems.append("\(row.attack): \(row.failures) polite requests got no right answer")
      }
      // A second is too short to judge by.
      if !options.isShort, row.ratio > HostileBench.maximumRatio {
        problems.append(
          "\(row.attack): the polite guests' p99 is \(row.ratio.text(1)) of its quiet value; "
            + "at most \(HostileBench.maximumRatio.text(0)) is wanted")
      }
      return problems
    }
  }
}

extension Report {
  private static let hostileHeadings = [
    "attack", "polite requests", "p50 ms quiet", "p50 ms beside it", "p99 ms quiet",
    "p99 ms beside it", "p99 ratio", "failed",
  ]

  private static func cells(_ row: HostileBench.Row) -> [String] {
    [
      row.attack, "\(row.requests)", row.quiet.p50.text(2), row.attacked.p50.text(2),
      row.quiet.p99.text(2), row.attacked.p99.text(2), row.ratio.text(2), "\(row.failures)",
    ]
  }

  static func table(_ results: HostileBench.Results) -> String {
    columns([hostileHeadings] + results.rows.map(cells))
  }

  static func markdown(_ results: HostileBench.Results) -> String {
    let verdict =
      results.problems.isEmpty
      ? "No polite request failed, and no p99 was more than three times its quiet value."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # Polite guests beside a hostile one

      Written by `make bench`; do not edit. Twenty guests ask in turn for what a boot reads, each request
      on a new connection, some 300 a second together, and each answer must be the guest's own. Then
      `hostile-guest` attacks from another address, in each of its ways, at full speed
      and at the lowest priority (`nice`), so that what is seen is what the daemon makes of it. Figures
      are medians over rounds; before each attack the quiet value is taken anew. All runs on one
      machine, which has other work too.

      \(markdownTable([hostileHeadings] + results.rows.map(cells)))

      \(verdict)

      \(facts(results.facts))

      """
  }

  // MARK: Tables

  /// For a terminal; the first column is text.
  static func columns(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return column == 0 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// - Parameter words: How many of the first columns are text.
  static func markdownTable(_ rows: [[String]], words: Int = 1) -> String {
    let alignment = (rows.first ?? []).indices.map { $0 < words ? "---" : "---:" }
    return (rows.prefix(1) + [alignment] + rows.dropFirst())
      .map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
  }

  static func facts(_ facts: [Fact]) -> String {
    "| | |\n| --- | --- |\n"
      + facts.map { "| \($0.name) | \($0.value) |" }.joined(separator: "\n")
  }
}

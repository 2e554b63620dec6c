import Foundation

/// Results as text.
enum Report {
  private static let headings = [
    "document", "mode", "ours req/s", "nginx req/s", "ratio", "ours CPU µs/req",
    "nginx CPU µs/req", "ratio", "failed",
  ]

  private static func cells(_ row: Row) -> [String] {
    [
      row.document, row.mode.rawValue,
      row.ours.requestsPerSecond.text(0), row.nginx.requestsPerSecond.text(0),
      row.requestRatio.text(2),
      row.ours.cpuMicrosecondsPerRequest.text(1), row.nginx.cpuMicrosecondsPerRequest.text(1),
      row.cpuRatio?.text(2) ?? "–",
      "\(row.ours.failures) / \(row.nginx.failures)",
    ]
  }

  private static let moreHeadings = [
    "document", "mode", "CPU µs/req", "with a token", "ratio", "with a token req/s",
    "failed", "Nova's least over ours",
  ]

  private static func moreCells(_ row: Row) -> [String] {
    [
      row.document, row.mode.rawValue, row.ours.cpuMicrosecondsPerRequest.text(1),
      row.withTokens.cpuMicrosecondsPerRequest.text(1), row.tokenCPURatio?.text(2) ?? "–",
      row.withTokens.requestsPerSecond.text(0), "\(row.withTokens.failures)",
      row.novaRatio?.text(0) ?? "–",
    ]
  }

  /// For a terminal.
  static func table(_ rows: [Row]) -> String {
    table([headings] + rows.map(cells)) + "\n\n" + table([moreHeadings] + rows.map(moreCells))
  }

  /// The same of any cells; the first line is the headings, and the first two columns are words.
  static func table(_ lines: [[String]]) -> String {
    let widths = (lines.first ?? []).indices.map { column in
      lines.map { $0[column].count }.max() ?? 0
    }
    return lines.map { line in
      zip(line, widths).enumerated().map { column, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < 2 ? cell.0 + padding : padding + cell.0
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  static func markdown(_ results: Results, plan: Plan) -> String {
    let verdict =
      results.problems.isEmpty
      ? "No request failed, and every threshold of `Benchmarks/thresholds.json` was met."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # The guests' side beside nginx

      Written by `make bench`; do not edit. `nameplate serve` and nginx (two workers, no access log,
      `sendfile`, no limit on requests per connection) run on the same machine at the same time and
      are asked in turn: `wrk -t1 -c64`, \(plan.rounds) rounds, per run \(plan.keepAlive) s with keep-alive and \
      \(plan.close) s
      with `Connection: close`. nginx serves, as files, the bytes that Nameplate answered with before;
      Nameplate finds out who asks and gives the bytes that it keeps while nothing changes (meta_data.json
      with 512 fresh random
      bytes). Figures are medians over the rounds; a ratio is that of the two medians, failures are
      sums (ours / nginx). CPU time is user and system time of all of a server's processes. nginx listens
      with `deferred`, so that it, too, is told of a connection only with its request.

      ![Requests per second](guest-bench.svg)

      \(markdownTable([headings] + results.rows.map(cells), words: 2))

      The same documents, in the same rounds, from a daemon whose instance must show a session token
      (`httpTokens: required`, `httpTokensScope: all`), each request with its token. Nova's metadata API takes
      300 to 550 µs of CPU time a request (measured apart: uWSGI, two workers, a warm cache); the last column
      compares with \(Row.novaMicroseconds.text(0)) in both modes.

      \(markdownTable([moreHeadings] + results.rows.map(moreCells), words: 2))

      \(verdict)

      \(facts(results.facts))

      """
  }

  static func json(_ results: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(results), as: UTF8.self)
  }
}

import Foundation

extension Report {
  static func table(_ results: MillionBench.Results) -> String {
    columns(figures(results)) + (results.rows.isEmpty ? "" : "\n\n" + columns(guests(results)))
  }

  private static func figures(_ results: MillionBench.Results) -> [[String]] {
    let weight = [
      ["what", "value", "wanted"],
      ["instances", "\(results.instances)", ""],
      ["the store, MiB", (Double(results.storeBytes) / 1_048_576).text(0), ""],
      ["resident memory of the empty daemon, MiB", (Double(results.emptyKiB) / 1024).text(0), ""],
      ["… with all instances, MiB", (Double(results.loadedKiB) / 1024).text(0), ""],
      ["… bytes an instance, without user data", results.bytesPerInstance.text(0), "≤ 2048"],
    ]
    let start = results.start.map { start in
      [
        ["start to the first right answer, s", start.firstAnswerSeconds.text(2), "≤ 10"],
        ["start to the whole catalogue, s", start.wholeSeconds.text(1), ""],
        ["right answers before it was whole", "\(start.answeredMeanwhile)", "> 0"],
        ["other answers before it was whole", "\(start.failures)", "0"],
      ]
    }
    let writes = results.writes.map { writes in
      [
        ["writes a second", writes.perSecond.text(0), "1000"],
        ["write to the guest's next answer, p50 ms", writes.p50.text(1), ""],
        ["… p99 ms", writes.p99.text(1), "≤ 10"],
        ["… until it is acknowledged, p50 ms", writes.acknowledgedP50.text(1), ""],
        ["… until it is acknowledged, p99 ms", writes.acknowledgedP99.text(1), ""],
        ["… failed or not seen", "\(writes.failures) of \(writes.writes)", "0"],
      ]
    }
    return weight + (start ?? []) + (writes ?? [])
  }

  private static func guests(_ results: MillionBench.Results) -> [[String]] {
    [["a random guest", "requests", "CPU µs/req", "of one instance", "ratio", "failed"]]
      + results.rows.map { row in
        [
          row.work.rawValue, "\(row.requests)", row.million.text(1), row.one.text(1),
          row.ratio.text(2), "\(row.failures)",
        ]
      }
  }

  static func markdown(_ results: MillionBench.Results) -> String {
    let verdict =
      results.problems.isEmpty
      ? "All that was wanted was met."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    let facts = results.facts.map { "| \($0.name) | \($0.value) |" }.joined(separator: "\n")
    return """
      # A million instances

      Written by `guest-bench million`; do not edit. Every instance has a name, a key, parameters, user
      data of a kilobyte from one of \(MillionTown.templates) templates, a MAC and an address of loopback's.
      They were declared through the control API. The daemon is started with none of its store in the
      kernel's cache, and random guests ask while it reads it. Then random guests ask, each request on a
      new connection, and what the daemon uses is compared with a daemon of one instance under the same
      load; medians of the rounds. At last 16 writers change parameters of random instances through the
      control API, a thousand a second together, and each asks as the guest as soon as its write is
      acknowledged: the time runs from the write's first byte to the answer's last.

      \(markdownTable(figures(results)))

      \(markdownTable(guests(results)))

      \(verdict)

      | | |
      | --- | --- |
      \(facts)

      """
  }
}

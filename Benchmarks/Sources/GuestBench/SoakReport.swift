extension Report {
  static func table(_ results: Soak.Results) -> String {
    columns(totals(results)) + "\n\n" + columns([soakHeadings] + minutes(results))
  }

  private static let soakHeadings = [
    "minute", "resident MiB", "open files", "requests/s", "p50 ms", "p99 ms", "attack",
  ]

  private static func totals(_ results: Soak.Results) -> [[String]] {
    let refused =
      results.refused.isEmpty
      ? "none"
      : results.refused.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        .joined(separator: ", ")
    return [
      ["what", "value"],
      ["requests of honest guests", "\(results.requests)"],
      ["… answered with another guest's identity", "\(results.wrongIdentities)"],
      ["… without a 200, by status (0: no answer)", refused],
      [
        "requests of guests whose records come, go and change places",
        "\(results.restlessRequests)",
      ],
      ["operator's writes", "\(results.writes)"],
    ] + results.counters.sorted { $0.key < $1.key }.map { ["daemon: \($0.key)", "\($0.value)"] }
  }

  /// The last sample of each minute, with the worst p99 of it.
  private static func minutes(_ results: Soak.Results) -> [[String]] {
    let groups = Dictionary(grouping: results.samples) { Int($0.seconds / 60) }
    return groups.sorted { $0.key < $1.key }.compactMap { minute, samples in
      guard let last = samples.last else { return nil }
      let rate = samples.map(\.requestsPerSecond).reduce(0, +) / Double(samples.count)
      return [
        "\(minute + 1)", (Double(last.residentKiB) / 1024).text(1), "\(last.openFiles)",
        rate.text(0), Series.median(of: samples.map(\.p50)).text(2),
        (samples.map(\.p99).max() ?? 0).text(1),
        samples.map(\.attack).reduce(into: [String]()) { names, name in
          if names.last != name { names.append(name) }
        }.joined(separator: ", "),
      ]
    }
  }

  static func markdown(_ results: Soak.Results) -> String {
    let verdict =
      results.problems.isEmpty
      ? "Every honest request got its own guest's answer, and memory stayed flat."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # A soak

      Written by `guest-bench soak`; do not edit. Forty honest guests boot again and again, each request
      on a new connection, and every answer is checked to be the asking guest's own. Beside them two
      guests change addresses in one commit, one is deleted and declared again and one gets new
      metadata, all the time; and two hostile guests, one declared and one not, attack in each of the
      ways of `hostile-guest`, 20 s each. The usual limits are in force. All on one machine,
      which has other work too.

      ![Resident memory and p99 over time](soak.svg)

      \(markdownTable(totals(results)))

      \(verdict)

      Of each minute: memory and files at its end, the median of p50, the worst p99 of five seconds.

      \(markdownTable([soakHeadings] + minutes(results)))

      \(facts(results.facts))

      """
  }
}

/// Two plain line charts as SVG, one above the other: memory and p99 over time.
enum LineChart {
  private static let left = 70
  private static let width = 700
  private static let height = 170

  static func svg(_ results: Soak.Results) -> String {
    let times = results.samples.map { $0.seconds / 60 }
    let memory = results.samples.map { Double($0.residentKiB) / 1024 }
    let waits = results.samples.map(\.p99)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(left + width + 30)" height="\(2 * height + 130)" \
      viewBox="0 0 \(left + width + 30) \(2 * height + 130)" font-family="sans-serif" font-size="13" \
      role="img" aria-label="Resident memory and p99 over time">
      <rect width="100%" height="100%" fill="#ffffff"/>
      \(plot("Resident memory, MiB", memory, over: times, top: 40, colour: "#1f6feb"))
      \(plot("p99 of honest guests, ms", waits, over: times, top: height + 95, colour: "#cf222e"))
      </svg>

      """
  }

  private static func plot(
    _ title: String, _ values: [Double], over times: [Double], top: Int, colour: String
  ) -> String {
    let most = max(1, values.max() ?? 1) * 1.1
    let last = max(0.1, times.last ?? 1)
    let points = zip(times, values).map { time, value in
      let x = Double(left) + time / last * Double(width)
      let y = Double(top) + (1 - value / most) * Double(height)
      return "\(x.text(1)),\(y.text(1))"
    }
    let bottom = top + height
    return """
      <text x="\(left)" y="\(top - 12)" font-size="15" font-weight="bold">\(title)</text>
      <line x1="\(left)" y1="\(bottom)" x2="\(left + width)" y2="\(bottom)" stroke="#57606a"/>
      <line x1="\(left)" y1="\(top)" x2="\(left)" y2="\(bottom)" stroke="#57606a"/>
      <text x="\(left - 8)" y="\(top + 6)" text-anchor="end">\(most.text(0))</text>
      <text x="\(left - 8)" y="\(bottom)" text-anchor="end">0</text>
      <text x="\(left + width)" y="\(bottom + 18)" text-anchor="end">\(last.text(0)) min</text>
      <polyline fill="none" stroke="\(colour)" stroke-width="1.5" points="\(points.joined(separator: " "))"/>
      """
  }
}

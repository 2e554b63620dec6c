import Foundation

extension Report {
  private static let stormHeadings = [
    "guests boot", "server", "guests", "seconds", "req/s", "p50 ms", "p99 ms", "begun late p99 ms",
    "client busy %", "CPU µs/req", "failed",
  ]

  private static func cells(_ row: StormBench.Row) -> [[String]] {
    [("nameplate", row.ours), ("nginx", row.nginx)].map { name, side in
      [
        row.work.text, name, "\(row.guests)", side.seconds.text(1),
        side.requestsPerSecond.text(0), side.p50.text(2), side.p99.text(2),
        side.latenessP99.text(2), (side.clientBusy * 100).text(0),
        side.cpuMicrosecondsPerRequest.text(1), "\(side.failed)",
      ]
    }
  }

  static func table(_ results: StormBench.Results) -> String {
    "\(results.guests) guests, \(results.requestsOfBoot) requests each\n"
      + table([stormHeadings] + results.rows.flatMap(cells))
  }

  static func markdown(_ results: StormBench.Results) -> String {
    let verdict =
      results.problems.isEmpty
      ? "All that is wanted was met: no failed request; rack by rack a p99 of at most five times a lone "
        + "guest's\nmedian; all at once at most 1.3 of nginx' time."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # A boot storm

      Written by `guest-bench storm`; do not edit. \(results.guests) guests boot, each from an address of its
      own with the \(results.requestsOfBoot) requests that cloud-init's DataSourceOpenStack makes of its \
      instance, one after the other, each on
      a new connection, in cloud-init's order and with its heads (the client closes). Two threads play all
      guests, on the same machine. nginx (two workers, `deferred`) has the answers of one guest in files.

      - **one after the other**: a lone guest at cloud-init's pace. cloud-init is a Python program: between an
        answer and the next request it pauses, for \(results.medianGap.text(2)) ms as a rule. The pauses are those that the real
        one (22.4.2) made on this instance, request by request (`StormPace`).
      - **rack by rack**: all guests, at the same pace, powered on over \(results.spreadSeconds) s in racks of 40; \
      a rack's guests come to
        cloud-init at any moment of the second after. Its p99 is judged.
      - **twice as many racks**: the same within \(results.denseSeconds) s. Clients and server have little of the two processors to
        spare then, so that everybody waits for one; it is told beside nginx and not judged.
      - **all at once**: all guests start at the same moment, and none ever pauses. Each then waits for as
        many others as there are: its latency is the number of guests over the requests a second, whoever
        answers. So the time for all is what is judged there.

      Latency is from when a request was due (its pause is over) to its last byte, whatever the client was
      busy with; "begun late" is how much of it went by before the client opened the connection. CPU time is
      the server's, user and system. Figures are medians over the rounds.

      \(markdownTable([stormHeadings] + results.rows.flatMap(cells), words: 2))

      \(verdict)

      \(facts(results.facts))

      """
  }
}

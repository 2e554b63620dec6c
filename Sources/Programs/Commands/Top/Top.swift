import ArgumentParser
import ControlAPI
import ControlClient
import Foundation
import Inventory

struct Top: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What guests ask now: requests, latencies, refusals by reason, the busiest guests.",
    discussion: """
      On a terminal it is drawn anew every interval, until ^C or q; what is shown first is since the \
      daemon's start. Elsewhere, and with --output json or yaml, each interval is printed as it ends.

      Examples:
        nameplate top
        nameplate top --interval 5s
        nameplate top --once
        nameplate top --output json | jq .requestsPerSecond
      """)

  @Option(help: "How long each look is, as 500ms, 2s or 1m.") var interval = "2s"
  @Flag(help: "Prints one interval and ends.") var once = false
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  /// What a person can follow, and what a daemon does not feel.
  private static let intervals = Duration.milliseconds(100)...Duration.seconds(3600)

  func run() async throws {
    guard let interval = DurationText.parse(interval), Top.intervals.contains(interval) else {
      throw ValidationError("'\(interval)' is not a time between 100ms and 1h, like 2s")
    }
    let format = format.output ?? .table
    try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      if format == .table, !once, FullScreen.isPossible {
        try await draw(client, every: interval)
      } else {
        try await print(client, every: interval, as: format)
      }
    }
  }

  private func print(_ client: ControlClient, every interval: Duration, as format: OutputFormat)
    async throws
  {
    var earlier = try await client.load()
    repeat {
      try await Task.sleep(for: interval)
      let load = try await client.load()
      let seen = LoadInterval(from: earlier, to: load)
      earlier = load
      switch format {
      case .table:
        for line in LoadText(seen).lines(maximumGuests: 20) {
          Output.line(line.isHead ? Terminal.bold(line.text) : line.text)
        }
        if !once { Output.line("") }
      case .json, .yaml: Output.stream(seen.form, format)
      }
    } while !once
  }

  private func draw(_ client: ControlClient, every interval: Duration) async throws {
    let load = try await client.load()
    let first = (load: load, seen: LoadInterval(from: nil, to: load))
    try await FullScreen.show(first, every: interval) { before in
      let load = try await client.load()
      return (load, LoadInterval(from: before.load, to: load))
    } lines: { look, size in
      LoadText(look.seen).lines(maximumGuests: size.rows)
    }
  }
}

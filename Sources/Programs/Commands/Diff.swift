import ArgumentParser
import ControlAPI
import Daemon
import Inventory
import Manifest

struct Diff: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What applying a manifest would change; nothing is changed.",
    discussion: """
      Example:
        nameplate diff -f cloud.yaml

      Exits with 0 whether or not anything would change; --output json says it to programs.
      """)

  @Option(name: [.short, .long], help: "The manifest, or - for standard input; may be repeated.")
  var file: [String]
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let documents = try ManifestReading.entries(at: file)
    let outcomes = try await Batches.apply(documents, dryRun: true, to: try daemon.endpoint())
    switch format.output ?? .table {
    case .table:
      for outcome in outcomes where outcome.action != .unchanged { show(outcome) }
      print(Batches.summary(outcomes))
    case let machine: Output.print(.array(outcomes.map(Batches.value)), machine)
    }
  }

  private func show(_ outcome: ApplyOutcome) {
    print(Terminal.bold("\(outcome.id) \(outcome.action.rawValue)"))
    let lines = { (value: JSONValue?) -> [String] in
      guard let value, value != .null else { return [] }
      return ManifestWriter.text(value).split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast()
        .map(String.init)
    }
    LineDiff.print(from: lines(outcome.before), to: lines(outcome.after))
  }
}

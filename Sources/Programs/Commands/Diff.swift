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
    let documents = try file.flatMap { try ManifestReading.entries(at: $0) }
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
    let before = lines(outcome.before)
    let after = lines(outcome.after)
    let changes = after.difference(from: before)
    let removed = Set(changes.removals.compactMap { Diff.offset($0) })
    let inserted = Set(changes.insertions.compactMap { Diff.offset($0) })
    var old = 0
    for (index, line) in after.enumerated() {
      while removed.contains(old) {
        print(Terminal.red("- \(before[old])"))
        old += 1
      }
      if inserted.contains(index) {
        print(Terminal.green("+ \(line)"))
      } else {
        print("  \(line)")
        old += 1
      }
    }
    for index in before.indices.dropFirst(old) where removed.contains(index) {
      print(Terminal.red("- \(before[index])"))
    }
  }

  private static func offset(_ change: CollectionDifference<String>.Change) -> Int {
    switch change {
    case .insert(let offset, _, _), .remove(let offset, _, _): offset
    }
  }
}

import ArgumentParser
import ControlAPI
import ControlClient
import Daemon
import Inventory
import Manifest
import OrderedCollections

struct Apply: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Declares or replaces what a manifest says, all of it or nothing.",
    discussion: """
      Examples:
        nameplate apply -f cloud.yaml
        nameplate get instance ID --output yaml | nameplate apply -f -
      """)

  @Option(name: [.short, .long], help: "The manifest, or - for standard input; may be repeated.")
  var file: [String]
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let documents = try ManifestReading.entries(at: file)
    let outcomes = try await Batches.apply(documents, dryRun: false, to: try daemon.endpoint())
    switch format.output ?? .table {
    case .table:
      for outcome in outcomes.prefix(100) where outcome.action != .unchanged {
        print("\(outcome.id) \(outcome.action.rawValue)")
      }
      print(Batches.summary(outcomes))
    case let machine: Output.print(.array(outcomes.map(Batches.value)), machine)
    }
  }
}

/// A manifest's way to the daemon.
enum Batches {
  /// Sends documents, one transaction for every ``Limits/maximumBatchDocuments``, with progress.
  static func apply(_ entries: [ManifestEntry], dryRun: Bool, to endpoint: ControlEndpoint)
    async throws -> [ApplyOutcome]
  {
    // What is referred to comes first, should the documents not fit into one transaction.
    let ordered = entries.sorted { $0.resource.kind.writeOrder < $1.resource.kind.writeOrder }
    return try await ControlClient.withConnection(to: endpoint) { client in
      var outcomes: [ApplyOutcome] = []
      for start in stride(from: 0, to: max(ordered.count, 1), by: Limits.maximumBatchDocuments) {
        let end = min(start + Limits.maximumBatchDocuments, ordered.count)
        do throws(ControlClientError) {
          outcomes += try await client.apply(
            ordered[start..<end].map(\.document), dryRun: dryRun
          ) { read in Terminal.progress(start + read, of: ordered.count, "sent") }.outcomes
        } catch {
          guard case .problem(let problem) = error,
            let refused = RefusedDocument(problem, among: ordered[start..<end])
          else { throw error }
          throw refused
        }
      }
      return outcomes
    }
  }

  static func value(_ outcome: ApplyOutcome) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "kind": .string(outcome.id.kind.rawValue), "id": .string(outcome.id.text),
      "action": .string(outcome.action.rawValue),
    ]
    members["before"] = outcome.before
    members["after"] = outcome.after
    return .object(members)
  }

  /// `3 created, 1 updated, 2 unchanged`.
  static func summary(_ outcomes: [ApplyOutcome]) -> String {
    let parts = CommitResult.Action.allCases.compactMap { action -> String? in
      let count = outcomes.count { $0.action == action }
      return count == 0 ? nil : "\(count) \(action.rawValue)"
    }
    return parts.isEmpty ? "nothing to do" : parts.joined(separator: ", ")
  }
}

import ArgumentParser
import ControlClient
import Daemon
import Inventory
import Manifest

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
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let documents = try file.flatMap { try ManifestReading.documents(at: $0) }
    let results = try await Batches.apply(documents, dryRun: false, socket: try socket.path())
    let outcomes = results.flatMap { $0["outcomes"]?.array ?? [] }
    switch format.output ?? .table {
    case .table:
      for outcome in outcomes.prefix(100) where outcome["action"] != "unchanged" {
        print(
          "\(outcome["kind"]?.string ?? "") \(outcome["id"]?.string ?? "") "
            + (outcome["action"]?.string ?? ""))
      }
      print(Batches.summary(outcomes))
    case let machine: Output.print(.array(outcomes), machine)
    }
  }
}

/// A manifest's way to the daemon.
enum Batches {
  /// Sends documents, one transaction for every ``Limits/maximumBatchDocuments``, with progress.
  static func apply(_ documents: [ManifestDocument], dryRun: Bool, socket: String) async throws
    -> [JSONValue]
  {
    // What is referred to comes first, should the documents not fit into one transaction.
    let ordered = documents.sorted { $0.kind.writeOrder < $1.kind.writeOrder }
    return try await ControlClient.with(socket: socket) { client in
      var results: [JSONValue] = []
      for start in stride(from: 0, to: max(ordered.count, 1), by: Limits.maximumBatchDocuments) {
        let end = min(start + Limits.maximumBatchDocuments, ordered.count)
        results.append(
          try await client.apply(ordered[start..<end].map(\.value), dryRun: dryRun) { read in
            Terminal.progress(start + read, of: ordered.count, "sent")
          })
      }
      return results
    }
  }

  /// `3 created, 1 updated, 2 unchanged`.
  static func summary(_ outcomes: [JSONValue]) -> String {
    let parts = ["created", "updated", "unchanged", "deleted"].compactMap { action -> String? in
      let count = outcomes.count { $0["action"]?.string == action }
      return count == 0 ? nil : "\(count) \(action)"
    }
    return parts.isEmpty ? "nothing to do" : parts.joined(separator: ", ")
  }
}

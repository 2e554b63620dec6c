import ArgumentParser
import ControlAPI
import ControlClient
import Inventory
import OrderedCollections

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Whether the daemon is ready, and what it has answered and refused.",
    discussion: """
      Examples:
        nameplate status
        nameplate status --output json
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (health, counters) = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      client in
      (try await client.health().value, try await Status.counters(client))
    }
    switch format.output ?? .table {
    case .table:
      var table = Table("WHAT", "VALUE")
      // What one looks for comes first.
      table.add("status", health["status"]?.string ?? "-")
      for (name, value) in health.object ?? [:] where name != "status" {
        if let members = value.object {
          for (member, value) in members { table.add("\(name).\(member)", value.text) }
        } else {
          table.add(name, value.string ?? value.text)
        }
      }
      for (name, value) in counters.object ?? [:] { table.add(name, value.text) }
      table.print()
    case let machine: Output.print(["health": health, "counters": counters], machine)
    }
  }
}

extension Status {
  /// Empty where who asks may see one project only, and the counters are about all.
  private static func counters(_ client: ControlClient) async throws -> JSONValue {
    do throws(ControlClientError) {
      return try await client.counters()
    } catch {
      if case .problem(let problem) = error, problem.kind == .forbidden { return [:] }
      throw error
    }
  }
}

struct Watch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Changes as they happen.",
    discussion: """
      Examples:
        nameplate watch
        nameplate watch instances --since 42 --output json
      """)

  @Argument(help: "Only projects, networks, keypairs or instances.") var kind: ResourceKind?
  @Option(help: "Start after this revision.") var since: UInt64?
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let format = format.output ?? .table
    try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      try await client.watch(since: since, kind: kind) { event, revision in
        let revision = revision.map { "\($0)" } ?? "-"
        if format == .table {
          let document = event.data["document"] ?? event.data
          let id = document["id"]?.string ?? document["name"]?.string ?? ""
          Output.line("\(revision)  \(event.name)  \(event.kind.rawValue)  \(id)")
        } else {
          Output.stream(
            ["revision": .string(revision), "event": .string(event.name), "data": event.data],
            format)
        }
        return true
      }
    }
  }
}

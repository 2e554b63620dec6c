import ArgumentParser
import ControlAPI
import ControlClient
import Inventory

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Who changed what.", subcommands: [AuditList.self])
}

struct AuditList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The newest lines of the audit log, or those after one.",
    discussion: """
      Examples:
        nameplate audit list
        nameplate audit list --resource instances/6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate audit list --follow --output json
      """)

  @Option(help: "Only what happened to this, as instances/ID, networks/ID or access/NAME.")
  var resource: String?
  @Option(help: "Only lines after this position.") var after: Int64?
  @Option(help: "At most so many lines.") var limit = Limits.defaultPageSize
  @Flag(help: "Then goes on with new lines as they come.") var follow = false
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    var query = AuditQuery(after: after, limit: limit)
    query.subject = try resource.map { text in
      guard let subject = AuditEntry.Subject(path: text) else {
        throw ValidationError("--resource: '\(text)' is not like instances/ID or access/NAME")
      }
      return subject
    }
    let first = query
    try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      var query = first
      var entries = try await client.audit(query)
      show(entries)
      while follow {
        query.after = entries.last?.position ?? query.after ?? 0
        if entries.isEmpty || query.limit > entries.count { try await Task.sleep(for: .seconds(1)) }
        entries = try await client.audit(query)
        show(entries)
      }
    }
  }

  private func show(_ entries: [AuditEntry]) {
    switch format.output ?? .table {
    case .table where follow:
      for entry in entries { Output.line(AuditList.cells(entry).joined(separator: "  ")) }
    case .table:
      var table = Table(
        "POSITION", "AT", "BY", "FROM", "OPERATION", "RESOURCE", "REVISION", "OUTCOME")
      for entry in entries { table.add(cells: AuditList.cells(entry)) }
      table.print()
    case let machine where follow:
      for entry in entries { Output.stream(entry.form, machine) }
    case let machine: Output.print(documents: entries.map(\.form), machine)
    }
  }

  private static func cells(_ entry: AuditEntry) -> [String] {
    let before = entry.before.map(String.init) ?? "-"
    let after = entry.after.map(String.init) ?? "-"
    return [
      "\(entry.position)", Timestamp.text(secondsSince1970: entry.atSeconds),
      "\(entry.author.kind.rawValue) \(entry.author.name)", entry.author.peer ?? "-",
      entry.operation, entry.subject?.path ?? "-", "\(before) > \(after)", entry.outcome.text,
    ]
  }
}

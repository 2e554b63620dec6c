import ArgumentParser
import ControlAPI
import ControlClient

struct BackupList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Those that the daemon keeps, the newest first.",
    discussion: """
      Examples:
        nameplate backup list
        nameplate backup list --output json
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let backups = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.backups()
    }
    switch format.output ?? .table {
    case .table:
      var table = Table("NAME", "MADE", "REVISION", "BYTES")
      for backup in backups {
        table.add(
          backup.name, Timestamp.text(secondsSince1970: backup.createdAtSeconds),
          "\(backup.revision)", "\(backup.bytes)")
      }
      table.print()
    case let machine: Output.print(documents: backups.map(\.form), machine)
    }
  }
}

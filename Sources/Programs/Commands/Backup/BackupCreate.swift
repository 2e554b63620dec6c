import ArgumentParser
import ControlAPI
import ControlClient

struct BackupCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Makes one now, and prints its path.",
    discussion: """
      The daemon writes it beside its database, checked and mode 0600, and keeps the newest ones \
      (backup_keep). It also makes them by itself (backup_interval_hours).

      Examples:
        nameplate backup create
        scp "$(nameplate backup create)" elsewhere:
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let backup = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.makeBackup()
    }
    switch format.output ?? .table {
    case .table: print(backup.path)
    case let machine: Output.print(backup.form, machine)
    }
  }
}

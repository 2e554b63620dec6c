import ArgumentParser

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copies of the store.",
    subcommands: [BackupCreate.self, BackupList.self, BackupRestore.self])
}

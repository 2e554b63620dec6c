import ArgumentParser
import Daemon

struct BackupRestore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts one in the place of a stopped daemon's store.",
    discussion: """
      What was written after the backup was made is lost. The store that is there now is kept beside \
      it, under another name.

      Examples:
        nameplate backup restore nameplate-000017-r42.sqlite
        nameplate backup restore /mnt/copies/nameplate.sqlite --state-directory /var/lib/nameplate
      """)

  @Argument(help: "Its name, or the path of one that is kept elsewhere.") var backup: String
  @OptionGroup var settings: SettingOptions

  func run() async throws {
    let directory = try settings.sources().value(of: .stateDirectory).text
    let (revision, before) = try restoreBackup(backup, stateDirectory: directory)
    if let before { Terminal.write("What was there before is now \(before)\n") }
    print("The store is at revision \(revision). Start the daemon.")
  }
}

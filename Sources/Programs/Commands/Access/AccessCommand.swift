import ArgumentParser
import ControlClient
import Inventory

struct AccessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access", abstract: "Who may use the control API over the network.",
    subcommands: [AccessCreate.self, AccessList.self, AccessRevoke.self])
}

struct AccessList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Every access, without what proves it.",
    discussion: """
      Examples:
        nameplate access list
        nameplate access list --output json
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let entries = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.access()
    }
    switch format.output ?? .table {
    case .table:
      var table = Table("NAME", "ROLE", "PROJECT", "PROOF", "EXPIRES", "LAST USED")
      for entry in entries {
        let text = { (field: String) in entry[field]?.string }
        table.add(
          text("name") ?? "", text("role") ?? "", text("project") ?? "all",
          text("certificateSubject") ?? text("proof") ?? "", text("expiresAt") ?? "never",
          text("lastUsed") ?? "-")
      }
      table.print()
    case let machine: Output.print(documents: entries, machine)
    }
  }
}

struct AccessRevoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Takes access away, at once.",
    discussion: """
      Example:
        nameplate access revoke ci
      """)

  @Argument(help: "The access.") var name: String
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.revokeAccess(name)
    }
    print("access \(name) revoked")
  }
}

import ArgumentParser
import ControlAPI
import ControlClient
import Inventory

struct ListenerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "listener", abstract: "Where the daemon listens for guests.",
    subcommands: [ListenerList.self])
}

struct ListenerList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Every listener, and why it is closed where it is.",
    discussion: """
      Examples:
        nameplate listener list
        nameplate listener list --output json
      """)

  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let listeners = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.listeners()
    }
    switch format.output ?? .table {
    case .table:
      var table = Table("ADDRESS", "PORT", "DEVICE", "NETNS", "NETWORK", "STATE")
      for listener in listeners {
        table.add(
          listener.address.description, String(listener.port), listener.device ?? "-",
          listener.namespace ?? "-", listener.network?.text ?? "any",
          listener.problem ?? "listening")
      }
      table.print()
    case let machine: Output.print(documents: listeners.map(\.form), machine)
    }
  }
}

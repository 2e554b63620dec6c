import ArgumentParser
import Daemon
import Inventory
import OrderedCollections

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "The configuration.", subcommands: [ConfigShow.self])
}

struct ConfigShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "What is in force, and where each value comes from.",
    discussion: """
      Examples:
        nameplate config show
        nameplate config show --config nameplate.yaml --output json
      """)

  @OptionGroup var settings: SettingOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let sources = try settings.sources()
    _ = try DaemonConfiguration(sources)
    var table = Table("SETTING", "VALUE", "SOURCE")
    var members: OrderedDictionary<String, JSONValue> = [:]
    for setting in Setting.allCases {
      let value = sources.value(of: setting)
      let text = setting.shown(value.text)
      table.add(setting.rawValue, text, value.source)
      members[setting.rawValue] = ["value": .string(text), "source": .string(value.source)]
    }
    switch format.output ?? .table {
    case .table: table.print()
    case let machine: Output.print(.object(members), machine)
    }
  }
}

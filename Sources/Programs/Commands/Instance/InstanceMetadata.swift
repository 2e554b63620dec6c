import ArgumentParser
import ControlClient
import Inventory
import OrderedCollections

struct InstanceMetadataCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metadata", abstract: "The parameters that a user sets on an instance.",
    subcommands: [
      InstanceMetadataSet.self, InstanceMetadataUnset.self, InstanceMetadataList.self,
    ])
}

struct InstanceMetadataSet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set", abstract: "Sets parameters; others stay.",
    discussion: """
      Example:
        nameplate instance metadata set ID role=webserver tier=gold
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @Argument(help: "KEY=VALUE, any number.") var items: [String]
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    var changes: [(key: String, value: String?)] = []
    for item in items {
      guard let split = item.firstIndex(of: "="), split > item.startIndex else {
        throw ValidationError("'\(item)' is not KEY=VALUE")
      }
      changes.append((String(item[..<split]), String(item[item.index(after: split)...])))
    }
    let set = changes
    let all = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.changeMetadata(of: id, set)
    }
    InstanceMetadataList.show(all, format)
  }
}

struct InstanceMetadataUnset: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unset", abstract: "Removes parameters.",
    discussion: """
      Example:
        nameplate instance metadata unset ID tier
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @Argument(help: "KEY, any number.") var keys: [String]
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let unset = keys.map { (key: $0, value: String?.none) }
    let left = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.changeMetadata(of: id, unset)
    }
    InstanceMetadataList.show(left, format)
  }
}

struct InstanceMetadataList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists parameters.",
    discussion: """
      Example:
        nameplate instance metadata list ID --output json
      """)

  @Argument(help: .instanceID) var id: InstanceID
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let all = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.metadata(of: id)
    }
    InstanceMetadataList.show(all, format)
  }

  static func show(_ items: JSONValue, _ format: OutputOptions) {
    switch format.output ?? .table {
    case .table:
      var table = Table("KEY", "VALUE")
      for (key, value) in items.object ?? [:] { table.add(key, value.string ?? "") }
      table.print()
    case let machine: Output.print(items, machine)
    }
  }
}

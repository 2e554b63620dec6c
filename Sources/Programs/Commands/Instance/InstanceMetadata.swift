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

  @Argument(help: "The instance.") var id: InstanceID
  @Argument(help: "KEY=VALUE, any number.") var items: [String]
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    var pairs: OrderedDictionary<String, JSONValue> = [:]
    for item in items {
      guard let split = item.firstIndex(of: "="), split > item.startIndex else {
        throw ValidationError("'\(item)' is not KEY=VALUE")
      }
      pairs[String(item[..<split])] = .string(String(item[item.index(after: split)...]))
    }
    let change = JSONValue.object(pairs)
    let all = try await ControlClient.with(socket: try socket.path()) {
      try await $0.mergeMetadata(of: id, change)
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

  @Argument(help: "The instance.") var id: InstanceID
  @Argument(help: "KEY, any number.") var keys: [String]
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let left = try await ControlClient.with(socket: try socket.path()) { client in
      var left: JSONValue = [:]
      for key in keys { left = try await client.deleteMetadata(of: id, key: key) }
      return left
    }
    InstanceMetadataList.show(left, format)
  }
}

struct InstanceMetadataList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists parameters.")

  @Argument(help: "The instance.") var id: InstanceID
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let all = try await ControlClient.with(socket: try socket.path()) {
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

import ArgumentParser
import ControlClient
import Inventory

struct Get: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints a resource in the manifest's form.",
    discussion: """
      Examples:
        nameplate get instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate get keypair PROJECT/NAME --output json
      """)

  @Argument(help: "project, network, keypair or instance.") var kind: ResourceKind
  @Argument(help: "Its id; of a project's key pair PROJECT/NAME.") var id: String
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let id = ResourceID(kind: kind, text: id)
    let record = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.get(id)
    }
    Output.print(record.resource.value, format.output ?? .yaml)
  }
}

struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Withdraws a resource that nothing refers to.",
    discussion: """
      Example:
        nameplate delete instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
      """)

  @Argument(help: "project, network, keypair or instance.") var kind: ResourceKind
  @Argument(help: "Its id; of a project's key pair PROJECT/NAME.") var id: String
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    let id = ResourceID(kind: kind, text: id)
    try await ControlClient.withConnection(to: try daemon.endpoint()) { try await $0.delete(id) }
    print("\(id) deleted")
  }
}

struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists resources of a kind.",
    discussion: """
      Examples:
        nameplate list instances
        nameplate list instances --project p1 --network net-a --output json
      """)

  @Argument(help: "projects, networks, keypairs or instances.") var kind: ResourceKind
  @OptionGroup var options: ListOptions

  func run() async throws { try await options.list(kind) }
}

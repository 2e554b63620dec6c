import ArgumentParser

struct InstanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "instance", abstract: "What belongs to one instance.",
    subcommands: [InstanceMetadataCommand.self, InstancePasswordCommand.self])
}

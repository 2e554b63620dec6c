import ArgumentParser

struct InstanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "instance", abstract: "What belongs to one instance.",
    subcommands: [
      InstanceList.self, InstanceWait.self, InstanceMetadataCommand.self,
      InstancePasswordCommand.self, InstanceSMBIOS.self,
    ])
}

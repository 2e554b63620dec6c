import ArgumentParser

struct LibvirtCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "libvirt", abstract: "What libvirt calls.", subcommands: [LibvirtHook.self])
}

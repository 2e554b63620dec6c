import ArgumentParser
import HostNetwork

struct GuardShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints exactly what install would feed to nft. Nothing is changed.",
    discussion: """
      Example:
        nameplate redirect guard show --device tap5 --mac fa:16:3e:00:00:05 --address 10.20.0.5
      """)

  @OptionGroup var port: PortOptions
  @OptionGroup var owner: PortOwnerOptions

  func run() async throws {
    print(PortGuards.text(try await owner.portGuard(port.device)), terminator: "")
  }
}

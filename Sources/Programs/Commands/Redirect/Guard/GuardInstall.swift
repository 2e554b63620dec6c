import ArgumentParser
import HostNetwork
import Inventory

struct GuardInstall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Puts a port's rules into place; what is in place already is not touched.",
    discussion: """
      Examples:
        nameplate redirect guard install --device tap5 --instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate redirect guard install --device tap5 --mac fa:16:3e:00:00:05 --address 10.20.0.5
      """)

  @OptionGroup var port: PortOptions
  @OptionGroup var owner: PortOwnerOptions
  @Flag(help: "Print what would be done, as `redirect guard show` does.")
  var dryRun = false
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let rules = try await owner.portGuard(port.device)
    guard !dryRun else {
      print(PortGuards.text(rules), terminator: "")
      return
    }
    RedirectInstall.show(try await port.guards.install(rules), format)
  }
}

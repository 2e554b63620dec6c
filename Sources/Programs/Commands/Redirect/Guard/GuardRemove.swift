import ArgumentParser
import HostNetwork

struct GuardRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Takes a port's rules away, and nothing else.",
    discussion: """
      Example:
        nameplate redirect guard remove --device tap5
      """)

  @OptionGroup var port: PortOptions

  func run() async throws {
    let wasThere = try await port.guards.remove(device: port.device)
    print(wasThere ? "removed" : "nothing was there")
  }
}

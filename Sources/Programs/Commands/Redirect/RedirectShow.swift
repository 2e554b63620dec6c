import ArgumentParser
import HostNetwork

struct RedirectShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints exactly what install would feed to which tool. Nothing is changed.",
    discussion: """
      Examples:
        nameplate redirect show --metadata-host 10.30.0.4
        nameplate redirect show --metadata-host 10.30.0.4 --redirect-backend iptables-legacy
      """)

  @OptionGroup var options: RedirectOptions

  func run() async throws {
    print(try await options.redirect().text(), terminator: "")
  }
}

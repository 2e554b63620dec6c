import ArgumentParser
import HostNetwork

struct RedirectRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Takes away what install made, and nothing else.",
    discussion: """
      Example:
        nameplate redirect remove
      """)

  @OptionGroup var options: RedirectOptions

  func run() async throws {
    try await options.redirect().remove()
    print("removed")
  }
}

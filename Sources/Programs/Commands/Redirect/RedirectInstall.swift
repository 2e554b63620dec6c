import ArgumentParser
import HostNetwork
import Inventory

struct RedirectInstall: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Brings the redirect to its place; what is in place already is not touched.",
    discussion: """
      Examples:
        nameplate redirect install --metadata-host 10.30.0.4
        nameplate redirect install --dry-run
        nameplate redirect install --netns qrouter-1 --metadata-host 10.30.0.4
      """)

  @OptionGroup var options: RedirectOptions
  @Flag(help: "Print what would be done, as `redirect show` does.")
  var dryRun = false
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let redirect = try options.redirect(isInstalling: !dryRun)
    guard !dryRun else {
      print(try await redirect.text(), terminator: "")
      return
    }
    RedirectInstall.show(try await redirect.install(), format)
  }

  static func show(_ outcome: RedirectOutcome, _ format: OutputOptions) {
    var before: [String] = []
    if case .installed(let drift) = outcome { before = drift }
    switch format.output ?? .table {
    case .table:
      print(outcome == .unchanged ? "in place already" : "installed; before:")
      for line in before { print("  \(line)") }
    case let machine:
      Output.print(
        [
          "changed": .bool(outcome != .unchanged),
          "before": .array(before.map { .string($0) }),
        ], machine)
    }
  }
}

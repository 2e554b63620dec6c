import ArgumentParser
import Daemon
import Foundation
import HostNetwork

struct RedirectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redirect",
    abstract: "What brings guests from 169.254.169.254 to the daemon.",
    discussion: """
      Shape and addresses come from the configuration (metadata_host, redirect_…, listeners), or \
      from the same names as flags. docs/networking draws the shapes.

      Examples:
        nameplate redirect show --metadata-host 10.30.0.4
        nameplate redirect install --metadata-host 10.30.0.4 --redirect-devices '[br-a]'
        nameplate redirect check
        nameplate redirect remove
      """,
    subcommands: [
      RedirectInstall.self, RedirectShow.self, RedirectRemove.self, RedirectCheck.self,
      GuardCommand.self,
    ])
}

/// Which redirect, and where.
struct RedirectOptions: ParsableArguments {
  @OptionGroup var settings: SettingOptions
  @Option(help: "The network namespace that is the guests' router; else this one.")
  var netns: String?

  /// - Parameter isInstalling: Whether something will have to be remembered.
  func redirect(isInstalling: Bool = false) throws -> Redirect {
    let settings = try DaemonConfiguration(try settings.sources()).redirect
    if isInstalling { try settings.makeStateDirectory() }
    return try settings.redirect(namespace: netns)
  }
}

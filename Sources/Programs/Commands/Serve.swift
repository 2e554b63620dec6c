import ArgumentParser
import Daemon
import Foundation
import Logging

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answers guests, and operators on a Unix socket.",
    discussion: """
      Examples:
        nameplate serve
        nameplate serve --config /etc/nameplate/nameplate.yaml
        nameplate serve --metadata-listen 127.0.0.1 --apply examples/loopback.yaml
        nameplate serve --config /etc/nameplate/nameplate.yaml --takeover
      """)

  @OptionGroup var settings: SettingOptions
  @Option(help: "A manifest to apply before the first guest is answered; may be repeated.")
  var apply: [String] = []
  @Flag(
    help: "Install the redirect, and repair it whenever it is changed (see `nameplate redirect`).")
  var manageRedirect = false

  @Flag(
    help: """
      Take the place of the daemon that runs on the same state directory, without refusing a guest; \
      it goes on where this one cannot start.
      """)
  var takeover = false

  func run() async throws {
    let configuration = try DaemonConfiguration(
      try settings.sources(adding: manageRedirect ? [.manageRedirect: "true"] : [:]))
    LoggingSystem.bootstrap { label in
      LineLogHandler(
        label: label, level: configuration.logLevel, format: configuration.logFormat)
    }
    let daemon = Daemon(
      configuration: configuration, manifests: apply, logger: Logger(label: "nameplate"),
      systemd: Systemd(environment: ProcessInfo.processInfo.environment), takesOver: takeover)
    try await daemon.run()
  }
}

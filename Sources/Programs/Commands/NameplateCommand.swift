public import ArgumentParser
import ControlClient
import Daemon
import Foundation

/// The program: one file a command, one folder a noun.
public struct NameplateCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "nameplate",
    abstract: "Tells every machine who it is.",
    discussion: """
      Examples:
        nameplate serve --apply examples/loopback.yaml
        nameplate apply -f cloud.yaml
        nameplate look 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21 /latest/meta-data/

      Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no daemon there.
      """,
    version: nameplateVersion,
    subcommands: [
      Serve.self, Apply.self, Diff.self, Get.self, List.self, Delete.self, Look.self, Watch.self,
      Status.self, Top.self, ListenerCommand.self, InstanceCommand.self, DriveCommand.self,
      LibvirtCommand.self, KeyCommand.self, ConfigCommand.self,
      RedirectCommand.self, DoctorCommand.self, AccessCommand.self, AuditCommand.self,
      BackupCommand.self, Inject.self,
    ])

  public init() {}

  /// Runs a command line and ends the process with the exit code that says what became of it.
  public static func runAndExit() async -> Never {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      Foundation.exit(0)
    } catch {
      fail(error)
    }
  }

  private static func fail(_ error: any Error) -> Never {
    if let error = error as? ControlClientError {
      Terminal.error(error.description)
      if case .noDaemon = error { Foundation.exit(3) }
      Foundation.exit(1)
    }
    // Thrown while a command runs: ArgumentParser would print the usage of the whole program.
    if let error = error as? ValidationError {
      Terminal.error(error.message)
      Foundation.exit(2)
    }
    let code = exitCode(for: error)
    // ArgumentParser knows help and usage errors; everything else is ours and says itself.
    if code == .validationFailure || code == .success || error is ExitCode {
      let message = fullMessage(for: error)
      if code == .success {
        print(message)
      } else if !message.isEmpty {
        Terminal.write(message + "\n")
      }
      Foundation.exit(code == .validationFailure ? 2 : code.rawValue)
    }
    Terminal.error("\(error)")
    Foundation.exit(1)
  }
}

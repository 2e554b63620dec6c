import ArgumentParser
import ControlAPI
import ControlClient
import Inventory

struct AccessCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Gives access by a token or a client certificate.",
    discussion: """
      A token is printed once, to standard output, and kept nowhere: the daemon has only its hash.

      Examples:
        nameplate access create ci --role operator --project p1 --expires 30d > ci.token
        nameplate access create monitoring --role reader
        nameplate access create alice --role admin --certificate-subject CN:alice
      """)

  @Argument(help: "What the audit log will call whoever has it.") var name: String
  @Option(help: "reader, operator or admin.") var role: Role
  @Option(help: "The only project that is seen and written; all where it is left out.")
  var project: String?
  @Option(help: "How long it lasts: 90m, 12h, 30d; for ever where it is left out.")
  var expires: Lifetime?
  @Option(help: "Instead of a token, a name in the client's certificate: CN:, DNS: or URI:.")
  var certificateSubject: String?
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let request = AccessRequest(
      name: name, role: role, project: project, certificateSubject: certificateSubject,
      expiresInSeconds: expires?.seconds)
    let entry = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.createAccess(request)
    }
    switch format.output ?? .table {
    case .table:
      if let token = entry["token"]?.string {
        print(token)
        Terminal.write("This is shown once; keep it where only its user can read it.\n")
      } else {
        print("access \(name) created")
      }
    case let machine: Output.print(entry, machine)
    }
  }
}

/// A time span on a command line, such as `30d`.
struct Lifetime: ExpressibleByArgument {
  let seconds: Int

  init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = argument.last.flatMap({ units[$0] }), let number = Int(argument.dropLast()),
      number > 0, number <= Limits.maximumAccessSeconds / unit
    else { return nil }
    seconds = number * unit
  }
}

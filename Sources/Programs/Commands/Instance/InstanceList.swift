import ArgumentParser
import ControlAPI
import ControlClient
import Inventory
import OrderedCollections

struct InstanceList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists instances, as `list instances` does.",
    discussion: """
      With --imds-v1-users: the instances that were answered without a session token since the \
      daemon's start. When none is left that asks in a dialect, tokens can be required there \
      (metadataOptions.httpTokens).

      Examples:
        nameplate instance list --project p1
        nameplate instance list --imds-v1-users
      """)

  @Flag(name: .customLong("imds-v1-users"), help: "Only those that ask without session tokens.")
  var imdsV1Users = false
  @OptionGroup var options: ListOptions

  func validate() throws {
    if imdsV1Users, options.narrows {
      throw ValidationError("--imds-v1-users goes with --project alone")
    }
  }

  func run() async throws {
    guard imdsV1Users else { return try await options.list(.instance) }
    let users = try await ControlClient.withConnection(to: try options.daemon.endpoint()) {
      try await $0.imdsV1Users(project: options.project)
    }
    switch options.format.output ?? .table {
    case .table:
      var table = Table(
        "ID", "HOSTNAME", "PROJECT", "WITHOUT TOKEN", "BY DIALECT", "LAST SEEN", "COUNTED SINCE")
      for user in users {
        let total = user.requests.values.reduce(0) { $0.addingReportingOverflow($1).partialValue }
        table.add(
          user.id.description, user.hostname, user.project ?? "-", String(total),
          user.requests.map { "\($0) \($1)" }.joined(separator: ", "),
          Timestamp.text(secondsSince1970: user.lastSeenSeconds),
          Timestamp.text(secondsSince1970: user.countedSinceSeconds))
      }
      table.print()
    case let machine: Output.print(documents: users.map(\.form), machine)
    }
  }
}

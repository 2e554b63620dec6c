import ArgumentParser
import ControlAPI
import ControlClient
import Inventory

/// Which resources of a kind a list shows, and how.
struct ListOptions: ParsableArguments {
  @Option(help: "Only those of this project.") var project: String?
  @Option(help: "Only those of this name.") var name: String?
  @Option(help: "Only instances of this host name.") var hostname: String?
  @Option(help: "Only instances on this compute host.") var host: String?
  @Option(help: "Only instances on this network.") var network: String?
  @Option(help: "Only instances with this address.") var address: String?
  @OptionGroup var daemon: DaemonOptions
  @OptionGroup var format: OutputOptions

  /// Whether anything but the project is asked for.
  var narrows: Bool {
    [name, hostname, host, network, address].contains { $0 != nil }
  }

  func list(_ kind: ResourceKind) async throws {
    let query = try query()
    let documents = try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await $0.listAll(kind, query)
    }.map(\.resource.value)
    switch format.output ?? .table {
    case .table: ListOptions.table(documents, of: kind)
    case let machine: Output.print(documents: documents, machine)
    }
  }

  private func query() throws -> ListQuery {
    var query = ListQuery()
    query.limit = Limits.maximumPageSize
    query.project = project
    query.name = name
    query.hostname = hostname
    query.host = host
    query.network = try network.map { text in
      guard let id = NetworkID(text) else {
        throw ValidationError("'\(text)' is not a network's id")
      }
      return id
    }
    query.address = try address.map { text in
      guard let address = IPAddress(text) else {
        throw ValidationError("'\(text)' is not an IP address")
      }
      return address
    }
    return query
  }

  private static func table(_ documents: [JSONValue], of kind: ResourceKind) {
    let text = { (document: JSONValue, field: String) in document[field]?.string ?? "-" }
    var table: Table
    switch kind {
    case .project:
      table = Table("ID", "METADATA OPTIONS")
      for document in documents {
        let options = document["metadataOptions"]?.object?.map { "\($0): \($1.shortText)" } ?? []
        table.add(text(document, "id"), options.isEmpty ? "-" : options.joined(separator: ", "))
      }
    case .network:
      table = Table("ID", "NAME", "PROJECT", "SUBNETS")
      for document in documents {
        let blocks = document["subnets"]?.array?.compactMap { $0["cidr"]?.string } ?? []
        table.add(
          text(document, "id"), text(document, "name"), text(document, "project"),
          blocks.isEmpty ? "-" : blocks.joined(separator: " "))
      }
    case .keyPair:
      table = Table("NAME", "PROJECT", "TYPE")
      for document in documents {
        table.add(
          text(document, "name"), text(document, "project"), document["type"]?.string ?? "ssh")
      }
    case .instance:
      table = Table("ID", "HOSTNAME", "PROJECT", "ADDRESSES")
      for document in documents {
        let addresses = document["interfaces"]?.array?.flatMap { interface in
          interface["addresses"]?.array?.compactMap { $0["ip"]?.string } ?? []
        }
        table.add(
          text(document, "id"), text(document, "hostname"), text(document, "project"),
          addresses.map { $0.isEmpty ? "-" : $0.joined(separator: " ") } ?? "-")
      }
    }
    table.print()
  }
}

extension JSONValue {
  /// A string without quotes, anything else as JSON.
  fileprivate var shortText: String { string ?? text }
}

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
    try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      switch format.output ?? .table {
      case .table:
        var table = ListOptions.table(of: kind)
        try await client.eachPage(of: kind, query) { page in
          for record in page {
            table.add(cells: ListOptions.cells(record.resource.value, of: kind))
          }
          table.printNext()
        }
      case let machine:
        var list = DocumentList(machine)
        try await client.eachPage(of: kind, query) { list.print($0.map(\.resource.value)) }
        list.end()
      }
    }
  }

  private func query() throws -> ListQuery {
    var query = ListQuery()
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

  private static func table(of kind: ResourceKind) -> Table {
    switch kind {
    case .project: Table("ID", "METADATA OPTIONS")
    case .network: Table("ID", "NAME", "PROJECT", "SUBNETS")
    case .keyPair: Table("NAME", "PROJECT", "TYPE")
    case .instance: Table("ID", "HOSTNAME", "PROJECT", "ADDRESSES")
    }
  }

  private static func cells(_ document: JSONValue, of kind: ResourceKind) -> [String] {
    let text = { (field: String) in document[field]?.string ?? "-" }
    switch kind {
    case .project:
      let options = document["metadataOptions"]?.object?.map { "\($0): \($1.shortText)" } ?? []
      return [text("id"), options.isEmpty ? "-" : options.joined(separator: ", ")]
    case .network:
      let blocks = document["subnets"]?.array?.compactMap { $0["cidr"]?.string } ?? []
      return [
        text("id"), text("name"), text("project"),
        blocks.isEmpty ? "-" : blocks.joined(separator: " "),
      ]
    case .keyPair: return [text("name"), text("project"), document["type"]?.string ?? "ssh"]
    case .instance:
      let addresses = document["interfaces"]?.array?.flatMap { interface in
        interface["addresses"]?.array?.compactMap { $0["ip"]?.string } ?? []
      }
      return [
        text("id"), text("hostname"), text("project"),
        addresses.map { $0.isEmpty ? "-" : $0.joined(separator: " ") } ?? "-",
      ]
    }
  }
}

extension JSONValue {
  /// A string without quotes, anything else as JSON.
  fileprivate var shortText: String { string ?? text }
}

import ArgumentParser
import ControlAPI
import ControlClient
import Inventory

struct Get: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints a resource in the manifest's form.",
    discussion: """
      Examples:
        nameplate get instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
        nameplate get keypair PROJECT/NAME --output json
      """)

  @Argument(help: "network, keypair or instance.") var kind: ResourceKind
  @Argument(help: "Its id.") var id: String
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let id = ResourceID(kind: kind, text: id)
    let record = try await ControlClient.withConnection(to: try socket.path()) {
      try await $0.get(id)
    }
    Output.print(record.resource.value, format.output ?? .yaml)
  }
}

struct Delete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Withdraws a resource that nothing refers to.",
    discussion: """
      Example:
        nameplate delete instance 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
      """)

  @Argument(help: "network, keypair or instance.") var kind: ResourceKind
  @Argument(help: "Its id.") var id: String
  @OptionGroup var socket: SocketOptions

  func run() async throws {
    let id = ResourceID(kind: kind, text: id)
    try await ControlClient.withConnection(to: try socket.path()) { try await $0.delete(id) }
    print("\(id) deleted")
  }
}

struct List: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists resources of a kind.",
    discussion: """
      Examples:
        nameplate list instances
        nameplate list instances --project p1 --network net-a --output json
      """)

  @Argument(help: "networks, keypairs or instances.") var kind: ResourceKind
  @Option(help: "Only those of this project.") var project: String?
  @Option(help: "Only those of this name.") var name: String?
  @Option(help: "Only instances of this host name.") var hostname: String?
  @Option(help: "Only instances on this compute host.") var host: String?
  @Option(help: "Only instances on this network.") var network: String?
  @Option(help: "Only instances with this address.") var address: String?
  @OptionGroup var socket: SocketOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
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
    let wanted = query
    let documents = try await ControlClient.withConnection(to: try socket.path()) {
      try await $0.listAll(kind, wanted)
    }.map(\.resource.value)
    switch format.output ?? .table {
    case .table: table(documents)
    case let machine: Output.print(documents: documents, machine)
    }
  }

  private func table(_ documents: [JSONValue]) {
    let text = { (document: JSONValue, field: String) in document[field]?.string ?? "-" }
    switch kind {
    case .network:
      var table = Table("ID", "NAME", "PROJECT", "SUBNETS")
      for document in documents {
        let blocks = document["subnets"]?.array?.compactMap { $0["cidr"]?.string } ?? []
        table.add(
          text(document, "id"), text(document, "name"), text(document, "project"),
          blocks.isEmpty ? "-" : blocks.joined(separator: " "))
      }
      table.print()
    case .keyPair:
      var table = Table("NAME", "PROJECT", "TYPE")
      for document in documents {
        table.add(
          text(document, "name"), text(document, "project"), document["type"]?.string ?? "ssh")
      }
      table.print()
    case .instance:
      var table = Table("ID", "HOSTNAME", "PROJECT", "ADDRESSES")
      for document in documents {
        let addresses = document["interfaces"]?.array?.flatMap { interface in
          interface["addresses"]?.array?.compactMap { $0["ip"]?.string } ?? []
        }
        table.add(
          text(document, "id"), text(document, "hostname"), text(document, "project"),
          addresses.map { $0.isEmpty ? "-" : $0.joined(separator: " ") } ?? "-")
      }
      table.print()
    }
  }
}

import ArgumentParser
import ControlAPI
import ControlClient
import Daemon
import Inventory

/// Where a command takes an instance from that it renders itself: the daemon, or manifests alone.
struct InstanceSource: ParsableArguments {
  @Option(
    name: [.customShort("f"), .customLong("manifest")],
    help: "A manifest, or - for standard input, instead of the daemon; may be repeated.")
  var file: [String] = []
  @OptionGroup var daemon: DaemonOptions

  /// The instance with all that it refers to.
  /// - Parameter id: May be left out where manifests declare one instance.
  func view(of id: InstanceID?) async throws -> InstanceView {
    guard file.isEmpty else { return try declared(id) }
    guard let id else { throw ValidationError("name the instance, or a manifest with -f") }
    return try await ControlClient.withConnection(to: try daemon.endpoint()) { client in
      let record = try await client.get(ResourceID(kind: .instance, text: id.description))
      guard let instance = record.resource.instance else {
        throw InstanceMissing(description: "Instance \(id) is not declared")
      }
      var records = [record]
      for network in Set(instance.interfaces.map(\.network)) {
        records += try await InstanceSource.find(
          ResourceID(kind: .network, text: network.text), client)
      }
      for case .named(let name) in instance.keys {
        let pair = KeyPairID(project: instance.project, name: name)
        records += try await InstanceSource.find(
          ResourceID(kind: .keyPair, text: pair.description), client)
      }
      return try InstanceSource.view(of: id, records)
    }
  }

  /// What an instance refers to may be declared after it.
  private static func find(_ id: ResourceID, _ client: ControlClient) async throws -> [Record] {
    do throws(ControlClientError) {
      return [try await client.get(id)]
    } catch {
      if case .problem(let problem) = error, problem.kind == .notFound { return [] }
      throw error
    }
  }

  private func declared(_ id: InstanceID?) throws -> InstanceView {
    let records = try ManifestRecords(files: file)
    guard let id = id ?? (records.instances.count == 1 ? records.instances[0].id : nil) else {
      throw ValidationError(
        "the manifests declare \(records.instances.count) instances; name one of them")
    }
    return try records.view(of: id)
  }

  private static func view(of id: InstanceID, _ records: [Record]) throws -> InstanceView {
    let catalog = Catalog(InventorySnapshot(revision: 1, records: records))
    guard let view = catalog.view(of: id) else {
      throw InstanceMissing(description: "Instance \(id) is not declared")
    }
    return view
  }
}

struct InstanceMissing: Error, CustomStringConvertible {
  let description: String
}

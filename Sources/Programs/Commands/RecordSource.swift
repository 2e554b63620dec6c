import ArgumentParser
import ControlClient
import Daemon
import Dialects
import Foundation
import Inventory
import Manifest
import MetadataService

/// Where a command has its records from: the daemon, or manifests without one.
struct RecordSourceOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: "A manifest, or - for standard input; no daemon is asked then. May be repeated.")
  var file: [String] = []
  @Option(
    help: "With -f: a configuration whose dhcp_domain and vendor data count. Variables count, too.")
  var config: String?
  @Option(help: "With -f: appended to host names.") var dhcpDomain: String?
  @Option(name: .customLong("vendordata-jsonfile-path"), help: "With -f: the static vendor data.")
  var vendordataJSONFilePath: String?
  @OptionGroup var daemon: DaemonOptions

  func validate() throws {
    let forManifests = [config, dhcpDomain, vendordataJSONFilePath]
    if file.isEmpty, forManifests.contains(where: { $0 != nil }) {
      throw ValidationError("--config, --dhcp-domain and --vendordata-jsonfile-path go with -f")
    }
  }

  /// Lends the source to `body`.
  func withSource<Result>(_ body: (RecordSource) async throws -> Result) async throws -> Result {
    guard file.isEmpty else {
      return try await body(.manifests(try ManifestRecords(files: file), try renderSettings()))
    }
    return try await ControlClient.withConnection(to: try daemon.endpoint()) {
      try await body(.daemon($0))
    }
  }

  private func renderSettings() throws -> RenderSettings {
    let flags: [Setting: String?] = [
      .dhcpDomain: dhcpDomain, .vendordataJSONFilePath: vendordataJSONFilePath,
    ]
    let environment = ProcessInfo.processInfo.environment
    return try RenderSettings(
      SettingSources(
        file: config ?? environment["NAMEPLATE_CONFIG"], flags: flags.compactMapValues { $0 },
        surroundings: Surroundings(isRoot: geteuid() == 0, environment: environment)))
  }
}

/// Instances, from wherever they are declared.
enum RecordSource: Sendable {
  case daemon(ControlClient)
  case manifests(ManifestRecords, RenderSettings)

  func instances() async throws -> [Instance] {
    switch self {
    case .daemon(let client):
      try await client.listAll(.instance).compactMap(\.resource.instance)
    case .manifests(let records, _): records.instances
    }
  }

  func instance(_ id: InstanceID) async throws -> Instance {
    switch self {
    case .daemon(let client):
      let record = try await client.get(ResourceID(kind: .instance, text: id.description))
      guard let instance = record.resource.instance else {
        throw ControlClientError.broken("the record of \(id) is no instance")
      }
      return instance
    case .manifests(let records, _): return try records.view(of: id).instance.unpacked
    }
  }

  /// An instance's drive.
  func drive(_ layout: DriveLayout, of id: InstanceID) async throws -> [DriveFile] {
    switch self {
    case .daemon(let client): return try await client.drive(layout, of: id).files
    case .manifests(let records, let settings):
      let view = try records.view(of: id)
      let input = RenderInput(
        view: view, settings: settings, askedAtSeconds: 0,
        randomSeedText: DriveSeed(of: view.instance.unpacked).text(for: id))
      return try DriveContents.files(layout, for: input)
    }
  }
}

/// What a command was pointed at cannot be used. Its words were right, so this is no usage error.
struct Unusable: Error, CustomStringConvertible {
  let description: String
}

/// The records that manifests declare, each with all that it refers to.
struct ManifestRecords: Sendable {
  private let catalog: Catalog
  let instances: [Instance]

  init(files: [String]) throws {
    var records: [Record] = []
    var places: [ResourceID: String] = [:]
    for entry in try ManifestReading.entries(at: files) {
      guard !entry.madeID else {
        throw Unusable(
          description:
            "\(entry.place): an instance needs an id here, or it would be another one each time")
      }
      places[entry.resource.id] = entry.place
      records.append(Record(resource: entry.resource, revision: 1, createdAtSeconds: 0))
    }
    let known = Set(places.keys)
    for record in records {
      let id = record.resource.id
      for reference in record.resource.references.sorted(by: { $0.text < $1.text })
      where !known.contains(reference) && reference.text != NetworkID.default.text {
        throw Unusable(
          description: "\(places[id] ?? ""): \(id) refers to \(reference), which is in none of the "
            + "manifests; add the one that declares it with another -f")
      }
    }
    catalog = Catalog(InventorySnapshot(revision: 1, records: records))
    instances = records.compactMap(\.resource.instance)
  }

  func view(of id: InstanceID) throws -> InstanceView {
    guard let view = catalog.view(of: id) else {
      throw Unusable(description: "Instance \(id) is in none of the manifests")
    }
    return view
  }
}

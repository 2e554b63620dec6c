import Dialects
import Foundation
import Inventory
import OrderedCollections
import Yams

/// What the tests read from the Fixtures folder.
enum Fixture {
  struct Missing: Error { let name: String }

  static func bytes(_ name: String) throws -> [UInt8] {
    guard let folder = Bundle.module.resourceURL?.appending(path: "Fixtures") else {
      throw Missing(name: name)
    }
    return Array(try Data(contentsOf: folder.appending(path: name)))
  }

  static func json(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: bytes(name))
  }

  /// The resources that a manifest declares, in its order.
  static func resources(_ name: String) throws -> [Inventory.Resource] {
    try resources(yaml: String(decoding: bytes(name), as: UTF8.self))
  }

  static func resources(yaml: String) throws -> [Inventory.Resource] {
    try Array(Yams.compose_all(yaml: yaml)).map { node in
      try Inventory.Resource(reading: JSONValue(node))
    }
  }
}

/// Guests that a manifest declares, and what is gathered for them.
struct World {
  static let createdAtSeconds = 1_793_528_430  // 2026-11-01T10:20:30Z

  var catalog: Catalog
  var settings = RenderSettings()
  var today = "2026-07-01"
  var dynamicVendorData: [(name: String, answer: JSONValue)] = []

  init(_ resources: [Inventory.Resource], settings: RenderSettings = RenderSettings()) {
    let records = resources.map {
      Record(
        resource: $0, revision: 1, createdAtSeconds: World.createdAtSeconds,
        ec2InstanceID: $0.instance?.ec2.instanceID)
    }
    catalog = Catalog(InventorySnapshot(revision: 1, records: records))
    self.settings = settings
  }

  init(yaml: String, settings: RenderSettings = RenderSettings()) throws {
    self.init(try Fixture.resources(yaml: yaml), settings: settings)
  }

  /// The instances of the recorded answers, with the daemon's settings of that time.
  static func recorded() throws -> World {
    World(
      try Fixture.resources("manifest.yaml"),
      settings: RenderSettings(
        dhcpDomain: "novalocal", vendorData: try Fixture.json("vendor_data.json")))
  }

  struct NoInstance: Error { let hostname: String }

  func view(_ hostname: String) throws -> InstanceView {
    let found = catalog.records(.instance).compactMap(\.resource.instance)
      .first { $0.hostname == hostname }
    guard let found, let view = catalog.view(of: found.id) else {
      throw NoInstance(hostname: hostname)
    }
    return view
  }

  mutating func set(password: [UInt8], of hostname: String) throws {
    let id = try view(hostname).instance.id
    let change = Change.password(id, Secret(password))
    catalog.apply(ChangeBatch(revision: catalog.revision + 1, changes: [change]))
  }

  func input(_ view: InstanceView, _ needs: Needs = []) -> RenderInput {
    RenderInput(
      view: view, settings: settings, sourceAddress: view.instance.firstAddress?.ip,
      askedAtSeconds: Int(
        (try? Date("\(today)T00:00:00Z", strategy: .iso8601).timeIntervalSince1970) ?? 0),
      randomSeedText: needs.contains(.randomSeed)
        ? Base64.encodedBytes(Array(repeating: 0xA5, count: 512)) : [],
      dynamicVendorData: needs.contains(.dynamicVendorData) ? dynamicVendorData : [])
  }

  /// What stands at a path for a guest.
  func node(_ path: String, _ hostname: String) throws -> MetadataNode? {
    try node(RequestTarget(parsing: Array(path.utf8)), try view(hostname))
  }

  func node(_ target: RequestTarget, _ view: InstanceView) throws -> MetadataNode? {
    guard let dialect = DialectTable.dialect(for: target) else { return nil }
    return dialect.place(at: target).flatMap { $0.node(input(view, $0.needs)) }
  }

  /// The text that a guest gets at a path; nil stands for 404.
  func text(_ path: String, _ hostname: String) throws -> String? {
    try node(path, hostname).map { String(decoding: $0.document.bytes, as: UTF8.self) }
  }

  /// The lines that a guest gets at a path; none for 404.
  func lines(_ path: String, _ hostname: String) throws -> [String] {
    try text(path, hostname)?.split(separator: "\n").map(String.init) ?? []
  }

  func json(_ path: String, _ hostname: String) throws -> JSONValue? {
    try node(path, hostname).map { try JSONValue(parsing: $0.document.bytes) }
  }
}

extension JSONValue {
  /// A manifest's document; its scalars have YAML's types.
  init(_ node: Node) throws {
    switch node {
    case .mapping(let mapping):
      var members: OrderedDictionary<String, JSONValue> = [:]
      for (key, value) in mapping { members[key.string ?? ""] = try JSONValue(value) }
      self = .object(members)
    case .sequence(let sequence): self = .array(try sequence.map { try JSONValue($0) })
    default:
      if node.null != nil {
        self = .null
      } else if let value = node.bool {
        self = .bool(value)
      } else if let value = node.int {
        self = JSONValue(value)
      } else {
        self = JSONValue(node.string)
      }
    }
  }
}

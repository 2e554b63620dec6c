import Inventory
import Testing

@Suite("The catalogue")
struct CatalogTests {
  static func instance(_ number: Int, _ interfaces: String) throws -> Record {
    let json = """
      {"kind": "Instance", "id": "00000000-0000-4000-8000-00000000000\(number)",
       "hostname": "h\(number)", "interfaces": \(interfaces)}
      """
    return Record(
      resource: try Resource(reading: try JSONValue(parsing: json)), revision: 1,
      createdAtSeconds: 0)
  }

  static func hostname(_ match: Catalog.Finding) -> String? {
    if case .instance(let view) = match { view.instance.hostname.string } else { nil }
  }

  @Test("an address on two networks belongs to each network's own instance")
  func overlap() throws {
    let catalog = Catalog(
      InventorySnapshot(
        revision: 1,
        records: [
          try Self.instance(1, #"[{"network": "a", "address": "10.0.0.5"}]"#),
          try Self.instance(2, #"[{"network": "b", "address": "10.0.0.5"}]"#),
        ]))
    let address = try #require(IPAddress("10.0.0.5"))
    #expect(Self.hostname(catalog.find(address, on: NetworkID("a"))) == "h1")
    #expect(Self.hostname(catalog.find(address, on: NetworkID("b"))) == "h2")
    #expect(Self.hostname(catalog.find(address, on: NetworkID("c"))) == nil)
    guard case .ambiguous(let networks) = catalog.find(address, on: nil) else {
      Issue.record("a listener for any network must not guess")
      return
    }
    #expect(networks.map(\.text) == ["a", "b"])
  }

  @Test("a link-local address leads to the instance with that MAC on that network")
  func linkLocal() throws {
    let catalog = Catalog(
      InventorySnapshot(
        revision: 1,
        records: [try Self.instance(1, #"[{"network": "a", "mac": "fa:16:3e:9c:bf:3d"}]"#)]))
    let address = try #require(IPAddress("fe80::f816:3eff:fe9c:bf3d"))
    #expect(Self.hostname(catalog.find(address, on: NetworkID("a"))) == "h1")
    #expect(Self.hostname(catalog.find(address, on: NetworkID("b"))) == nil)
  }

  @Test("an address follows the instance that has it now, and goes with it")
  func moves() throws {
    var catalog = Catalog()
    let old = try #require(IPAddress("10.0.0.5"))
    let new = try #require(IPAddress("10.0.0.6"))
    catalog.apply(
      ChangeBatch(revision: 1, changes: [.put(try Self.instance(1, #"[{"address": "10.0.0.5"}]"#))])
    )
    catalog.apply(
      ChangeBatch(
        revision: 2,
        changes: [
          .put(try Self.instance(1, #"[{"address": "10.0.0.6"}]"#)),
          .put(try Self.instance(2, #"[{"address": "10.0.0.5"}]"#)),
        ]))
    #expect(Self.hostname(catalog.find(old, on: nil)) == "h2")
    #expect(Self.hostname(catalog.find(new, on: nil)) == "h1")
    let gone = ResourceID(kind: .instance, text: "00000000-0000-4000-8000-000000000002")
    catalog.apply(ChangeBatch(revision: 3, changes: [.deleted(gone, project: nil)]))
    #expect(Self.hostname(catalog.find(old, on: nil)) == nil)
    #expect(catalog.revision == 3)
  }

  @Test("a key without a name is called by its comment, and no two keys have one name")
  func keyNames() throws {
    let json = """
      {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "hostname": "h",
       "keys": ["ssh-rsa AAAA alice@laptop", "ssh-rsa BBBB", "ssh-rsa CCCC alice@laptop", "ssh-rsa DDDD a/b"]}
      """
    let record = Record(
      resource: try Resource(reading: try JSONValue(parsing: json)), revision: 1,
      createdAtSeconds: 0)
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    let catalog = Catalog(InventorySnapshot(revision: 1, records: [record]))
    let view = try #require(catalog.view(of: id))
    #expect(view.keys.map(\.name) == ["alice@laptop", "key-1", "alice@laptop-2", "key-3"])
  }

  /// Options as text; nil where nothing is declared there.
  struct Layers: Sendable {
    var instance: String?
    var project: String?
    var daemon: String?
    var inForce: String
  }

  @Test(
    "each metadata option is the instance's, else its project's, else the daemon's, else AWS'",
    arguments: [
      Layers(inForce: "enabled optional ec2 1 disabled"),
      Layers(
        daemon: #""httpTokens": "required", "httpPutResponseHopLimit": 3"#,
        inForce: "enabled required ec2 3 disabled"),
      Layers(
        project: #""httpPutResponseHopLimit": 2, "httpTokensScope": "all""#,
        daemon: #""httpTokens": "required", "httpPutResponseHopLimit": 3"#,
        inForce: "enabled required all 2 disabled"),
      Layers(
        instance: #""httpTokens": "optional", "instanceMetadataTags": "enabled""#,
        project: #""httpTokens": "required", "httpPutResponseHopLimit": 2"#,
        daemon: #""httpEndpoint": "disabled", "instanceMetadataTags": "disabled""#,
        inForce: "disabled optional ec2 2 enabled"),
    ])
  func metadataOptions(layers: Layers) throws {
    let options = { (text: String?) in
      try MetadataOptions.Declared(
        reading: try JSONValue(parsing: "{\(text ?? "")}"), path: "")
    }
    let instance = """
      {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "project": "p",
       "hostname": "h", "metadataOptions": {\(layers.instance ?? "")}}
      """
    let other = #"{"kind": "Project", "id": "q", "metadataOptions": {"httpEndpoint": "disabled"}}"#
    let project = layers.project.map {
      #"{"kind": "Project", "id": "p", "metadataOptions": {\#($0)}}"#
    }
    let records = try [instance, other, project].compactMap(\.self).map { text in
      Record(
        resource: try Resource(reading: try JSONValue(parsing: text)), revision: 1,
        createdAtSeconds: 0)
    }
    var catalog = Catalog(InventorySnapshot(revision: 1, records: records))
    catalog.defaultMetadataOptions = try options(layers.daemon)
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    let view = try #require(catalog.view(of: id))
    let inForce = view.metadataOptions
    #expect(
      "\(inForce.httpEndpoint) \(inForce.httpTokens) \(inForce.httpTokensScope) "
        + "\(inForce.httpPutResponseHopLimit) \(inForce.instanceMetadataTags)" == layers.inForce)
    // Without its project's record an instance is as one whose project says nothing.
    catalog.apply(
      ChangeBatch(
        revision: 2, changes: [.deleted(ResourceID(kind: .project, text: "p"), project: nil)]))
    #expect(
      catalog.view(of: id)?.metadataOptions
        == MetadataOptions(try options(layers.instance), try options(layers.daemon)))
  }
}

import Inventory
import Testing

@Suite("Instances in the catalogue")
struct PackedInstanceTests {
  static func record(_ json: String, revision: Revision = 7) throws -> Record {
    Record(
      resource: try Resource(reading: try JSONValue(parsing: json)), revision: revision,
      createdAtSeconds: 1_750_000_000, ec2InstanceID: "i-12345678")
  }

  static func instance(_ number: Int, _ more: String = "") -> String {
    """
    {"kind": "Instance", "id": "00000000-0000-4000-8000-00000000000\(number)", \(more)
     "hostname": "h\(number)"}
    """
  }

  @Test(
    "come out as they were put in",
    arguments: [
      "", #""userData": "","#, #""userData": "a cloud-config\n","#, #""userDataBase64": "AAH/","#,
      #""name": "ü \"quoted\" \\ \ud83d\ude00","metadata": {"b": "1", "a": "2"},"#,
      #""files": [{"path": "/etc/x", "contentBase64": "AAH/"}], "adminPassword": "s","#,
      #""vendorData": {"n": [1.0, 123456789012345678901234567890, null, true]},"#,
      #""devices": [{"type": "disk", "serial": null, "path": "p"}], "dedicatedCpus": [],"#,
      #""keys": ["ssh-rsa AAAA c", "named"], "metadataOptions": {"httpTokens": "required"},"#,
      #""interfaces": [{"network": "a", "mac": "fa:16:3e:9c:bf:3d", "addresses": [{"ip": "10.0.0.5", "floatingIPs": ["192.0.2.1", "2001:db8::1"]}]}],"#,
    ])
  func roundTrip(more: String) throws {
    let record = try Self.record(Self.instance(1, more))
    var catalog = Catalog()
    catalog.add([CatalogEntry(record)])
    #expect(catalog.record(record.resource.id) == record)
  }

  @Test("share user data of the same content, which goes with the last of them")
  func userData() throws {
    var catalog = Catalog()
    let put = { (number: Int, data: String) throws -> Change in
      .put(try Self.record(Self.instance(number, #""userData": "\#(data)","#)))
    }
    catalog.apply(
      ChangeBatch(revision: 1, changes: [try put(1, "a"), try put(2, "a"), try put(3, "b")]))
    #expect(catalog.userDataCount == 2)
    catalog.apply(ChangeBatch(revision: 2, changes: [try put(1, "c"), try put(3, "a")]))
    #expect(catalog.userDataCount == 2)
    for number in 1...3 {
      let id = ResourceID(kind: .instance, text: "00000000-0000-4000-8000-00000000000\(number)")
      let data = catalog.record(id)?.resource.instance?.userData?.revealed
      #expect(data == Array((number == 1 ? "c" : "a").utf8))
      catalog.apply(ChangeBatch(revision: 3, changes: [.deleted(id, project: nil)]))
    }
    #expect(catalog.userDataCount == 0)
    #expect(catalog.count(.instance) == 0)
  }

  /// One change, and whether instance 1 is another then.
  struct Step: Sendable {
    var change: String
    var concerns: Bool
  }

  static let me = """
    {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "hostname": "me",
     "project": "p", "keys": ["k"], "interfaces": [{"network": "a", "address": "10.0.0.5"}]}
    """

  @Test(
    "have another version when they or what they refer to change, and only then",
    arguments: [
      Step(change: me.replacing(#""me""#, with: #""you""#), concerns: true),
      Step(change: #"{"kind": "Network", "id": "a", "mtu": 1400}"#, concerns: true),
      Step(
        change: #"{"kind": "KeyPair", "project": "p", "name": "k", "publicKey": "ssh-rsa BBBB"}"#,
        concerns: true),
      Step(
        change: #"{"kind": "Project", "id": "p", "metadataOptions": {"httpTokens": "required"}}"#,
        concerns: true),
      Step(
        change:
          #"{"kind": "Instance", "id": "00000000-0000-4000-8000-000000000002", "hostname": "h", "interfaces": [{"network": "a", "address": "10.0.0.6"}]}"#,
        concerns: false),
    ])
  func versions(step: Step) throws {
    var catalog = Catalog()
    catalog.add([CatalogEntry(try Self.record(Self.me))])
    let address = try #require(IPAddress("10.0.0.5"))
    let network = try #require(NetworkID("a"))
    for place in [network, nil] {
      let before = try #require(catalog.version(of: address, on: place))
      catalog.apply(ChangeBatch(revision: 8, changes: [.put(try Self.record(step.change))]))
      #expect((catalog.version(of: address, on: place) != before) == step.concerns)
    }
  }

  @Test("have another version with a password, and one that is declared anew is another one")
  func versionsOfOne() throws {
    var catalog = Catalog()
    let record = try Self.record(Self.me)
    let id = try #require(record.resource.instance?.id)
    let address = try #require(IPAddress("10.0.0.5"))
    var seen: Set<Catalog.Version> = []
    let changes: [[Change]] = [
      [.put(record)], [.password(id, Secret([1]))], [.password(id, nil)],
      [.deleted(record.resource.id, project: nil), .put(record)],
    ]
    for (index, changes) in changes.enumerated() {
      catalog.apply(ChangeBatch(revision: Revision(index), changes: changes))
      seen.insert(try #require(catalog.version(of: address, on: nil)))
    }
    #expect(seen.count == 4)
    catalog.apply(ChangeBatch(revision: 9, changes: [.deleted(record.resource.id, project: nil)]))
    #expect(catalog.version(of: address, on: nil) == nil)
  }

  @Test("are found by addresses that come, go and are on many networks, in any order")
  func index() throws {
    var generator = SplitMix(state: 42)
    var catalog = Catalog()
    // Instance: network of its address.
    var truth: [Int: String] = [:]
    let address = try #require(IPAddress("10.0.0.5"))
    for turn in 0..<2000 {
      let number = Int(generator.next() % 10)
      let network = "n\(generator.next() % 12)"
      let id = ResourceID(kind: .instance, text: "00000000-0000-4000-8000-00000000000\(number)")
      if truth.contains(where: { $0.key != number && $0.value == network }) || turn % 7 == 0 {
        truth[number] = nil
        catalog.apply(ChangeBatch(revision: 1, changes: [.deleted(id, project: nil)]))
      } else {
        truth[number] = network
        let interfaces = #""interfaces": [{"network": "\#(network)", "address": "10.0.0.5"}],"#
        catalog.apply(
          ChangeBatch(
            revision: 1, changes: [.put(try Self.record(Self.instance(number, interfaces)))]))
      }
      for number in 0..<12 {
        let owner = truth.first { $0.value == "n\(number)" }?.key
        let match = catalog.find(address, on: NetworkID("n\(number)"))
        #expect(CatalogTests.hostname(match) == owner.map { "h\($0)" })
      }
      switch catalog.find(address, on: nil) {
      case .unknown: #expect(truth.isEmpty)
      case .instance(let view):
        #expect(
          truth.count == 1 && truth.keys.contains { view.instance.hostname.string == "h\($0)" })
      case .ambiguous(let named):
        let networks = catalog.networks(having: address)
        #expect(networks.map(\.text) == truth.values.sorted())
        #expect(named.count == min(truth.count, Limits.maximumNamedNetworks))
        #expect(Set(networks).isSuperset(of: named))
      }
    }
  }
}

/// Numbers that are the same every time.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

@Suite("Fields that are read one by one")
struct PackedInstanceFieldTests {
  /// Every field, so that one that is read from another's place is seen.
  static let all = """
    {"kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "hostname": "h",
     "project": "p", "user": "u", "name": "n", "domain": "d.example", "host": "compute-1",
     "launchIndex": 300, "reservationId": "r-1", "availabilityZone": "az-1a",
     "region": "az-1", "instanceType": "m1", "architecture": "x86_64",
     "keys": ["ssh-rsa AAAA c"], "metadata": {"k": "v"}, "tags": {"t": "w"},
     "securityGroups": ["s1", "s2"], "adminPassword": "hidden",
     "metadataOptions": {"httpTokens": "required"},
     "interfaces": [{"network": "a", "address": "10.0.0.5"}]}
    """

  @Test("each is what all together have, and what has none is empty")
  func fields() throws {
    let record = try PackedInstanceTests.record(Self.all)
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    let catalog = Catalog(InventorySnapshot(revision: 7, records: [record]))
    let instance = try #require(catalog.view(of: id)).instance
    #expect(.instance(instance.unpacked) == record.resource)
    #expect(instance.hostname == "h" && instance.project == "p" && instance.user == "u")
    #expect(instance.launchIndex == 300 && instance.region == "az-1")
    #expect(instance.metadata.map(\.value) == ["v"] && instance.tags.map(\.key) == ["t"])
    #expect(instance.securityGroups == ["s1", "s2"] && instance.devices.isEmpty)
    #expect(instance.firstAddress?.ip == .v4(0x0A00_0005) && instance.imageID == nil)
    #expect(instance.declaredMetadataOptions.httpTokens == .required)
  }

  @Test("are not printed, for there are secrets among them")
  func printing() throws {
    let record = try PackedInstanceTests.record(Self.all)
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    let catalog = Catalog(InventorySnapshot(revision: 7, records: [record]))
    let instance = try #require(catalog.view(of: id)).instance
    var dumped = ""
    dump(instance, to: &dumped)
    let hidden = Array("hidden".utf8).map(String.init).joined(separator: ", ")
    for text in [dumped, "\(instance)", String(reflecting: instance)] {
      #expect(!text.contains(hidden) && !text.contains("hidden"))
    }
  }
}

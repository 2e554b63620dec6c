import Dialects
import Inventory
import OrderedCollections
import Testing

@Suite("OpenStack's dialect")
struct OpenStackTests {
  private static let versions = [
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06",
    "2017-02-22", "2018-08-27", "2020-10-14", "2025-04-04",
  ]

  @Test(
    "versions are listed from their day on",
    arguments: [
      ("2012-08-09", 0), ("2012-08-10", 1), ("2013-10-16", 2), ("2013-10-17", 3),
      ("2025-04-03", 9), ("2025-04-04", 10), ("2031-01-01", 10),
    ])
  func versionsByDate(_ today: String, _ count: Int) throws {
    var world = try ListingTests.world()
    world.today = today
    let expected = OpenStackTests.versions.prefix(count) + ["latest"]
    #expect(try world.lines("/openstack", "bare") == Array(expected))
    #expect(try world.text("/openstack/2025-04-04/meta_data.json", "bare") != nil)
    #expect(
      try world.text("/openstack/latest/meta_data.json", "bare")
        == world.text("/openstack/2025-04-04/meta_data.json", "bare"))
  }

  @Test(
    "each document is listed from its version on, in Nova's order, and no older one answers",
    arguments: [
      ("2012-08-10", 2), ("2013-04-04", 3), ("2013-10-17", 4), ("2015-10-15", 5),
      ("2016-06-30", 5), ("2016-10-06", 6), ("2025-04-04", 6), ("latest", 6),
    ])
  func documents(_ version: String, _ count: Int) throws {
    let world = try ListingTests.world()
    let all = [
      "meta_data.json", "user_data", "password", "vendor_data.json", "network_data.json",
      "vendor_data2.json",
    ]
    for path in ["/openstack/\(version)", "/openstack/\(version)/version"] {
      #expect(try world.lines(path, "many") == Array(all.prefix(count)))
      #expect(try world.lines(path, "bare") == all.prefix(count).filter { $0 != "user_data" })
    }
    for (index, name) in all.enumerated() {
      let answers = try world.text("/openstack/\(version)/\(name)", "many") != nil
      #expect(answers == (index < count || name == "network_data.json"), "\(name)")
    }
  }

  @Test(
    "what is nothing has no answer",
    arguments: [
      "2011-01-01", "LATEST", "1.0", "version", "meta_data.json", "latest/version/x",
      "latest/user-data", "latest/meta_data.json/x", "latest/content", "latest/content/0000",
      "content", "content/0001", "content/0", "content/0000/x", "latest/x", "latest/openstack",
    ])
  func nothing(_ path: String) throws {
    #expect(try World.recorded().text("/openstack/\(path)", "web-01") == nil)
  }

  @Test("only what a document shows is gathered for it")
  func needs() throws {
    let needs = { (path: String) in
      OpenStackDialect().place(at: try RequestTarget(parsing: Array(path.utf8)))?.needs
    }
    #expect(try needs("/openstack/2012-08-10/meta_data.json") == [])
    #expect(try needs("/openstack/2013-04-04/meta_data.json") == .randomSeed)
    #expect(try needs("/openstack/latest/meta_data.json/") == .randomSeed)
    #expect(try needs("/openstack/latest/vendor_data2.json") == .dynamicVendorData)
    #expect(try needs("/openstack/2015-10-15/vendor_data2.json") == nil)
    for path in ["/openstack", "/openstack/latest", "/openstack/latest/vendor_data.json", "/x"] {
      #expect(try needs(path) == [], "\(path)")
    }
  }

  @Test("the password is what the guest has posted, to the byte, and a node of its own")
  func password() throws {
    var world = try World.recorded()
    guard case .password(let empty) = try world.node("/openstack/latest/password", "pw") else {
      Issue.record("not a password")
      return
    }
    #expect(empty == Document(.plainText, []))
    try world.set(password: [0x61, 0x0A], of: "pw")
    #expect(try world.text("/openstack/2013-04-04/password", "pw") == "a\n")
    #expect(try world.text("/openstack/2012-08-10/password", "pw") == nil)
  }

  @Test("the least instance's meta_data.json says null for what is not declared")
  func leastMetaData() throws {
    let world = try ListingTests.world()
    #expect(
      try world.text("/openstack/2012-08-10/meta_data.json", "bare") == """
        {"uuid": "11111111-0000-4000-8000-000000000002", "hostname": "bare", "name": null, \
        "launch_index": 0, "availability_zone": null}
        """)
    let latest = try #require(try world.json("/openstack/latest/meta_data.json", "bare")?.object)
    #expect(latest["project_id"] == .null)
    #expect(latest["devices"] == [])
    #expect(latest["dedicated_cpus"] == [])
    #expect(latest["random_seed"]?.string.flatMap(Base64.decode)?.count == 512)
  }

  @Test("all keys are shown, whatever their names are")
  func keys() throws {
    let world = try ListingTests.world()
    let value = try #require(try world.json("/openstack/latest/meta_data.json", "many"))
    #expect(
      value["public_keys"] == ["0=x": "ssh-rsa AAAA a", "ünïcode key": "ssh-rsa BBBB b"])
    #expect(
      value["keys"] == [
        ["name": "0=x", "type": "ssh", "data": "ssh-rsa AAAA a"],
        ["name": "ünïcode key", "type": "ssh", "data": "ssh-rsa BBBB b"],
      ])
  }

  @Test("dedicated CPUs are sorted, each once; secrets of the drive stay off the network")
  func metaDataOfMany() throws {
    let world = try World(
      yaml: """
        kind: Instance
        id: 11111111-0000-4000-8000-000000000008
        hostname: h
        domain: example.org
        dedicatedCpus: [7, 4, 5, 4]
        adminPassword: S3cret
        files: [{path: /etc/motd, content: hidden}]
        """, settings: RenderSettings(dhcpDomain: "novalocal"))
    let text = try #require(try world.text("/openstack/latest/meta_data.json", "h"))
    let value = try JSONValue(parsing: text)
    #expect(value["dedicated_cpus"] == [4, 5, 7])
    #expect(value["hostname"] == "h.example.org")
    #expect(!text.contains("S3cret") && !text.contains("hidden") && !text.contains("files"))
  }

  @Test(
    "a card shows what its version knows of it",
    arguments: [
      ("2015-10-15", nil), ("2016-06-30", #"[{"type": "nic", "bus": "none", "#),
      ("2017-02-22", #"[{"vlan": 7, "type": "nic", "#),
      ("2018-08-27", #"[{"vlan": 7, "vf_trusted": false, "type": "nic", "#),
    ] as [(String, String?)])
  func cards(_ version: String, _ start: String?) throws {
    let world = try World(
      yaml: """
        kind: Instance
        id: 11111111-0000-4000-8000-000000000009
        hostname: h
        devices:
        - {type: nic, vlan: 7, tags: []}
        - {type: nic, vlan: 9}
        - {type: share, tag: s}
        """)
    let devices = try world.json("/openstack/\(version)/meta_data.json", "h")?["devices"]
    #expect((devices == nil) == (start == nil))
    #expect(devices?.text.hasPrefix(start ?? "") != false, "\(devices?.text ?? "")")
    // A card with nothing to tell is left out, and so is a share before 2025-04-04.
    #expect(devices?.array?.count == (start == nil ? nil : version == "2016-06-30" ? 1 : 2))
  }

  @Test("an instance's vendor data lies over the daemon's, key by key")
  func vendorData() throws {
    let yaml = """
      kind: Instance
      id: 11111111-0000-4000-8000-00000000000a
      hostname: h
      vendorData: {b: {y: 2}, c: 3}
      """
    var world = try World(
      yaml: yaml, settings: RenderSettings(vendorData: ["a": 1, "b": ["x": 1]]))
    #expect(
      try world.text("/openstack/latest/vendor_data.json", "h")
        == #"{"a": 1, "b": {"y": 2}, "c": 3}"#)
    world.dynamicVendorData = [
      ("dyn", ["k": 15]), ("list", [1]), ("dyn", .null), ("static", .null),
    ]
    #expect(
      try world.text("/openstack/latest/vendor_data2.json", "h")
        == #"{"static": {"a": 1, "b": {"y": 2}, "c": 3}, "dyn": {"k": 15}, "list": [1]}"#)
  }

  @Test("without vendor data the documents are empty maps")
  func noVendorData() throws {
    let world = try ListingTests.world()
    #expect(try world.text("/openstack/latest/vendor_data.json", "bare") == "{}")
    #expect(try world.text("/openstack/latest/vendor_data2.json", "bare") == #"{"static": {}}"#)
  }
}

import Dialects
import Inventory
import OrderedCollections
import Testing
import Yams

@Suite("NoCloud's dialect")
struct NoCloudTests {
  private let recorded: World

  init() throws { recorded = try World.recorded() }

  @Test("the seed of an instance with least: user data and vendor data are there and empty")
  func least() throws {
    let world = try World(
      yaml: "kind: Instance\nid: 00000000-0000-4000-8000-000000000001\nhostname: a\n")
    #expect(try world.lines("/nocloud/", "a") == ["meta-data", "user-data", "vendor-data"])
    #expect(
      try world.text("/nocloud/meta-data", "a")
        == """
        instance-id: "00000000-0000-4000-8000-000000000001"
        local-hostname: "a"

        """)
    #expect(try world.text("/nocloud/user-data", "a") == "")
    #expect(try world.text("/nocloud/vendor-data", "a") == "")
    #expect(try world.text("/nocloud/network-config", "a") == nil)
    for path in ["/nocloud/meta-data/x", "/nocloud/metadata", "/nocloud/user_data"] {
      #expect(try world.text(path, "a") == nil, "\(path)")
    }
  }

  @Test("YAML's reader gets back every letter of names, keys and parameters")
  func readBack() throws {
    let text = try #require(try recorded.text("/nocloud/meta-data", "web-01"))
    let read = try #require(try Yams.compose(yaml: text))
    let instance = try recorded.view("web-01").instance
    #expect(read["instance-id"]?.string == instance.id.description)
    #expect(read["local-hostname"]?.string == "web-01.novalocal")
    #expect(read["availability-zone"]?.string == instance.availabilityZone?.string)
    let keys = read["public-keys"]?.array().compactMap(\.string) ?? []
    #expect(keys.count == 1 && keys[0].hasPrefix("ssh-rsa AAAA") && !keys[0].hasSuffix("\n"))
    for (key, value) in instance.metadata {
      #expect(read["meta"]?[key.string]?.string == value.string, "\(key)")
    }
  }

  @Test(
    "a text with every kind of character survives",
    arguments: ["\u{7F}\u{85}\u{2028}\u{FEFF}", "a: b # c", "\"\\\n\t\r\u{1}", "🚀é", "yes", "012"])
  func characters(_ value: String) throws {
    let world = World([
      try Inventory.Resource(reading: [
        "kind": "Instance", "id": "00000000-0000-4000-8000-000000000001", "hostname": "a",
        "metadata": ["k": .string(value), "É:": "x", "-": "y"],
      ])
    ])
    let text = try #require(try world.text("/nocloud/meta-data", "a"))
    let read = try #require(try Yams.compose(yaml: text))
    #expect(read["meta"]?["k"]?.string.map { Array($0.utf8) } == Array(value.utf8), "\(text)")
    #expect(read["meta"]?["É:"]?.string == "x")
    #expect(read["meta"]?["-"]?.string == "y")
  }

  @Test("network-config says what network_data.json says")
  func networkConfig() throws {
    #expect(
      try recorded.text("/nocloud/network-config", "web-01")
        == """
        version: 2
        ethernets:
          nic0:
            match:
              macaddress: "fa:16:3e:9c:bf:3d"
            dhcp4: true
            dhcp6: true
            nameservers:
              addresses:
                - "10.20.0.2"
                - "10.20.0.3"
                - "2001:db8::53"
          nic1:
            match:
              macaddress: "fa:16:3e:01:02:03"
            mtu: 9000
            addresses:
              - "192.0.2.20/25"
              - "2001:db8:b::20/48"
            routes:
              -
                to: "0.0.0.0/0"
                via: "192.0.2.1"
              -
                to: "198.51.100.0/24"
                via: "192.0.2.2"
              -
                to: "10.0.0.0/8"
                via: "192.0.2.3"
              -
                to: "::/0"
                via: "2001:db8:b::1"
              -
                to: "2001:db8:ffff::/48"
                via: "2001:db8:b::2"
            nameservers:
              addresses:
                - "10.20.0.2"
                - "192.0.2.53"
                - "2001:db8::53"

        """)
  }

  @Test(
    "each of Neutron's IPv6 modes is left to the network",
    arguments: [
      ("slaac", "accept-ra: true\n"), ("dhcpv6-stateful", "dhcp6: true\n"),
      ("dhcpv6-stateless", "dhcp6: true\n    accept-ra: true\n"),
    ])
  func modes(_ mode: String, _ expected: String) throws {
    let world = try World(
      yaml: """
        kind: Network
        id: n
        subnets: [{cidr: "2001:db8::/64", gateway: "2001:db8::1", ipv6AddressMode: \(mode)}]
        ---
        kind: Instance
        id: 00000000-0000-4000-8000-000000000001
        hostname: a
        interfaces: [{network: n, mac: "fa:16:3e:00:00:01", address: "2001:db8::5"}]
        """)
    #expect(
      try world.text("/nocloud/network-config", "a")
        == """
        version: 2
        ethernets:
          nic0:
            match:
              macaddress: "fa:16:3e:00:00:01"
            \(expected)
        """)
  }

  @Test(
    "vendor data is what cloud-init takes from OpenStack's",
    arguments: [
      (##"{"cloud-init": "#cloud-config\na: 1\n", "x": 1}"##, "#cloud-config\na: 1\n"),
      (#"{"x": 1}"#, ""), (#"{"cloud-init": {"a": 1}}"#, ""),
      (##"{"cloud-init": ["#!/bin/sh"]}"##, "#cloud-config-archive\n- \"#!/bin/sh\"\n"),
    ])
  func vendorData(_ declared: String, _ expected: String) throws {
    let world = World(
      try Fixture.resources(
        yaml: "kind: Instance\nid: 00000000-0000-4000-8000-000000000001\nhostname: a\n"),
      settings: RenderSettings(vendorData: try JSONValue(parsing: declared)))
    #expect(try world.text("/nocloud/vendor-data", "a") == expected)
  }

  @Test("a drive's seed is the same as over HTTP")
  func drive() throws {
    let files = try DriveContents.files(.noCloud, for: recorded.input(recorded.view("web-01")))
    #expect(files.map(\.path) == ["meta-data", "user-data", "vendor-data", "network-config"])
    for file in files {
      #expect(
        try recorded.text("/nocloud/\(file.path)", "web-01")
          == String(decoding: file.bytes, as: UTF8.self))
    }
  }
}

import Inventory
import Testing

@Suite("EC2's dialect")
struct EC2Tests {
  private static let old = [
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01",
    "2008-09-01", "2009-04-04",
  ]
  private static let new = [
    "2016-09-02", "2018-09-24", "2019-10-01", "2021-01-03", "2021-03-23", "2021-07-15",
    "2024-04-11",
  ]

  @Test("the root lists all versions, then `latest`, with and without the leading ec2")
  func versions() throws {
    let world = try ListingTests.world()
    for path in ["/", "/ec2", "/ec2/"] {
      #expect(try world.lines(path, "minimal") == EC2Tests.old + EC2Tests.new + ["latest"])
    }
  }

  @Test(
    "what is no version has no answer",
    arguments: [
      "/1.1", "/2009-04-05", "/2012-08-10", "/2020-08-24", "/ec2/ec2", "/ec2/openstack", "/Latest",
      "/ec2/ec2/latest", "/2026-01-01", "/latest/latest",
    ])
  func noVersion(_ path: String) throws {
    #expect(try ListingTests.world().text(path, "web-1") == nil)
  }

  @Test("a version lists user data where there is any, empty or not; newer ones dynamic/, too")
  func versionListing() throws {
    let world = try ListingTests.world()
    #expect(try world.lines("/2009-04-04", "minimal") == ["meta-data/"])
    #expect(try world.lines("/2009-04-04", "many") == ["meta-data/", "user-data"])
    #expect(try world.text("/latest/user-data/", "many") == "")
    #expect(try world.text("/latest/user-data", "minimal") == nil)
    for version in EC2Tests.new + ["latest"] {
      #expect(
        try world.lines("/\(version)", "many") == ["dynamic/", "meta-data/", "user-data"])
    }
  }

  @Test("an absent value is neither listed nor answered in the newer versions", arguments: new)
  func absentValues(_ version: String) throws {
    let world = try ListingTests.world()
    let lines = try world.lines("/\(version)/meta-data", "minimal")
    #expect(
      lines == [
        "ami-launch-index", "ami-manifest-path", "block-device-mapping/", "hostname",
        "instance-action", "instance-id", "instance-life-cycle", "instance-type", "local-hostname",
        "local-ipv4", "profile", "public-hostname", "security-groups", "services/",
      ])
    for name in [
      "ami-id", "ipv6", "kernel-id", "mac", "network", "network/interfaces/macs", "placement",
      "placement/region", "public-ipv4", "public-keys", "ramdisk-id", "reservation-id", "tags",
      "tags/instance", "iam", "events",
    ] {
      #expect(try world.text("/\(version)/meta-data/\(name)", "minimal") == nil, "\(name)")
    }
  }

  @Test("tags are shown where the instance allows it, from 2021-03-23")
  func tags() throws {
    let world = try ListingTests.world()
    let root = "meta-data/tags/instance"
    #expect(try world.lines("/latest/\(root)/", "many") == ["a b", "aws:x", "z=", "ü"])
    #expect(try world.text("/2021-03-23/\(root)/a%20b", "many") == "one")
    #expect(try world.text("/latest/\(root)/%C3%BC", "many") == "three")
    #expect(try world.text("/2021-01-03/\(root)", "many") == nil)
    #expect(try !world.lines("/2021-01-03/meta-data", "many").contains("tags/"))
    let hidden = try World(
      yaml: """
        {kind: Instance, id: 11111111-0000-4000-8000-000000000004, hostname: h, tags: {a: b}}
        """)
    #expect(try hidden.text("/latest/meta-data/tags/instance", "h") == nil)
    #expect(try hidden.text("/latest/meta-data/tags/instance/a", "h") == nil)
  }

  @Test("keys are numbered, whatever their names are")
  func keys() throws {
    let world = try ListingTests.world()
    let root = "/2009-04-04/meta-data/public-keys"
    #expect(try world.lines(root, "many") == ["0=0=x", "1=ünïcode key"])
    #expect(try world.lines("\(root)/1/", "many") == ["openssh-key"])
    #expect(try world.text("\(root)/1/openssh-key", "many") == "ssh-rsa BBBB b")
    for path in ["2", "01", "0=0=x", "0=0=x/openssh-key", "0/_name", "99/openssh-key"] {
      #expect(try world.text("\(root)/\(path)", "many") == nil, "\(path)")
    }
  }

  @Test("more than ten keys stay in their order")
  func manyKeys() throws {
    let keys = (0..<12).map { "{name: k\($0), publicKey: ssh-rsa AAAA\($0)}" }
    let world = try World(
      yaml: """
        kind: Instance
        id: 11111111-0000-4000-8000-000000000005
        hostname: h
        keys: [\(keys.joined(separator: ", "))]
        """)
    #expect(
      try world.lines("/latest/meta-data/public-keys/", "h") == (0..<12).map { "\($0)=k\($0)" })
    #expect(try world.text("/latest/meta-data/public-keys/11/openssh-key", "h") == "ssh-rsa AAAA11")
    for number in ["12", "-1", "+1", "01", "", "\(Int.min)", "\(Int.max)", "9223372036854775808"] {
      #expect(try world.text("/latest/meta-data/public-keys/\(number)/openssh-key", "h") == nil)
    }
  }

  @Test("two interfaces of one MAC are one directory, in lower case")
  func macs() throws {
    let world = try ListingTests.world()
    let root = "/latest/meta-data/network/interfaces/macs"
    #expect(try world.lines(root, "many") == ["fa:16:3e:00:00:02/", "fa:16:3e:00:00:0a/"])
    #expect(try world.text("\(root)/fa:16:3e:00:00:02/device-number", "many") == "0")
    #expect(try world.text("\(root)/fa:16:3e:00:00:0a/device-number", "many") == "2")
    #expect(try world.text("\(root)/FA:16:3E:00:00:0A", "many") == nil)
    #expect(try world.text("/2009-04-04/meta-data/mac", "many") == nil)
    #expect(try world.text("/latest/meta-data/mac", "many") == "fa:16:3e:00:00:02")
  }

  @Test("an instance with IPv6 only has no leaf that promises IPv4")
  func onlyIPv6() throws {
    let world = try ListingTests.world()
    #expect(try world.text("/latest/meta-data/ipv6", "v6") == "2001:db8:6::5")
    #expect(try world.text("/latest/meta-data/local-ipv4", "v6") == nil)
    #expect(try world.text("/latest/meta-data/public-ipv4", "v6") == nil)
    #expect(try world.text("/2009-04-04/meta-data/local-ipv4", "v6") == "2001:db8:6::5")
    #expect(
      try world.lines("/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:01", "v6") == [
        "device-number", "ipv6s", "local-hostname", "mac", "subnet-id",
        "subnet-ipv6-cidr-blocks", "vpc-id",
      ])
    #expect(
      try world.json("/latest/dynamic/instance-identity/document", "v6")?["privateIp"] == .null)
  }

  @Test(
    "a zone of AWS' form tells the region",
    arguments: [
      ("eu-test-1a", "eu-test-1"), ("us-gov-west-1b", "us-gov-west-1"), ("az-north-1", nil),
      ("nova", nil), ("eu-test-1", nil), ("eu-1a", nil), ("eu--1a", nil), ("Eu-test-1a", nil),
      ("eu-test-10a", nil), ("a-b-c-d-1a", nil), ("", nil), ("-", nil), ("eu-test-1ä", nil),
    ] as [(String, String?)])
  func region(_ zone: String, _ region: String?) throws {
    guard !zone.isEmpty else { return }
    let world = try World(
      yaml: """
        kind: Instance
        id: 11111111-0000-4000-8000-000000000006
        hostname: h
        availabilityZone: "\(zone)"
        """)
    #expect(try world.text("/latest/meta-data/placement/region", "h") == region)
    let document = try world.json("/latest/dynamic/instance-identity/document", "h")
    #expect(document?["region"] == JSONValue(region))
  }

  @Test("the identity document has AWS' keys, null where nothing is declared", arguments: new)
  func identity(_ version: String) throws {
    let world = try ListingTests.world()
    let path = "/\(version)/dynamic/instance-identity"
    #expect(try world.lines(path, "bare") == ["document"])
    #expect(
      try world.json("\(path)/document", "bare") == [
        "accountId": .null, "architecture": .null, "availabilityZone": .null,
        "billingProducts": .null,
        "devpayProductCodes": .null, "marketplaceProductCodes": .null, "imageId": .null,
        "instanceId": "i-00000002", "instanceType": .null, "kernelId": .null,
        "pendingTime": "2026-11-01T10:20:30Z", "privateIp": .null, "ramdiskId": .null,
        "region": .null,
        "version": "2017-09-30",
      ])
    #expect(try world.text("/2009-04-04/dynamic", "bare") == nil)
  }

  @Test("ids of EC2's form are derived from UUIDs, and kept where they have it already")
  func ids() throws {
    let world = try World(
      yaml: """
        kind: Network
        id: 99e88329-f20d-4741-9593-25bf07847b16
        subnets: [{id: subnet-0aaa, cidr: 10.0.0.0/24}, {cidr: 10.1.0.0/24}]
        ---
        kind: Instance
        id: 11111111-0000-4000-8000-000000000007
        hostname: h
        imageId: 70a599e0-31e7-49b7-b260-868f441e862b
        project: p1
        interfaces:
        - id: cd9f6d46-4a3a-43ab-a466-994af9db96fc
          network: 99e88329-f20d-4741-9593-25bf07847b16
          mac: "fa:16:3e:00:00:07"
          addresses: [{ip: 10.1.0.5}, {ip: 10.0.0.5, floatingIPs: [203.0.113.1, 203.0.113.2]}]
        """)
    let root = "/latest/meta-data/network/interfaces/macs/fa:16:3e:00:00:07"
    #expect(try world.text("\(root)/interface-id", "h") == "eni-cd9f6d464a3a43aba")
    #expect(try world.text("\(root)/vpc-id", "h") == "vpc-99e88329f20d47419")
    #expect(try world.text("\(root)/subnet-id", "h") == "subnet-0aaa")
    #expect(try world.text("\(root)/owner-id", "h") == "p1")
    #expect(try world.text("/latest/meta-data/ami-id", "h") == "ami-70a599e031e749b7b")
    #expect(try world.lines("\(root)/subnet-ipv4-cidr-blocks", "h").count == 2)
    #expect(try world.lines("\(root)/ipv4-associations/", "h") == ["203.0.113.1", "203.0.113.2"])
    #expect(try world.text("\(root)/ipv4-associations/203.0.113.2", "h") == "10.0.0.5")
    #expect(try world.text("/latest/meta-data/public-ipv4", "h") == "203.0.113.1")
  }
}

import Inventory
import OrderedCollections
import Testing

/// What real clients read of one instance: cloud-init, botocore, ec2-metadata, facter.
@Suite("What real clients read")
struct ClientsManifestTests {
  private let world: World
  private let root = "/latest/meta-data"

  init() throws { world = try World(Fixture.resources("clients-manifest.yaml")) }

  @Test(
    "a leaf has the declared value",
    arguments: [
      ("ami-id", "ami-00000007"), ("ami-launch-index", "0"), ("hostname", "web-1.example.internal"),
      ("instance-id", "i-0a1b2c3d4e5f60718"), ("instance-type", "m1.small"),
      ("local-hostname", "web-1.example.internal"), ("local-ipv4", "10.20.0.5"),
      ("mac", "fa:16:3e:0a:0b:01"), ("placement/availability-zone/", "eu-test-1a"),
      ("placement/region", "eu-test-1"), ("public-ipv4", "203.0.113.7"),
      ("public-keys/", "0=alice\n1=bob"), ("reservation-id", "r-0badcafe"),
      ("security-groups", "default\nweb"), ("services/domain/", "amazonaws.com"),
      ("services/partition", "aws"), ("block-device-mapping", "ami\nephemeral0\nroot"),
      ("tags/instance/", "Name\ncost-center\nrole"), ("tags/instance/cost-center", "a b"),
      ("ipv6", "2001:db8:7::9"), ("kernel-id", nil), ("ramdisk-id", nil), ("iam/", nil),
    ] as [(String, String?)])
  func leaves(_ path: String, _ value: String?) throws {
    #expect(try world.text("\(root)/\(path)", "web-1") == value)
  }

  @Test("the first interface's directory")
  func firstCard() throws {
    let card = "\(root)/network/interfaces/macs/fa:16:3e:0a:0b:01"
    let expected: [(String, String)] = [
      ("device-number", "0"), ("interface-id", "eni-9a1b6b1e11114c4c8"),
      ("ipv4-associations/", "203.0.113.7"), ("local-hostname", "web-1.example.internal"),
      ("local-ipv4s", "10.20.0.5"), ("mac", "fa:16:3e:0a:0b:01"), ("owner-id", "123456789012"),
      ("public-hostname", "web-1.example.internal"), ("public-ipv4s", "203.0.113.7"),
      ("security-groups", "default\nweb"), ("subnet-id", "subnet-0310c6a4e767f3f42"),
      ("subnet-ipv4-cidr-block", "10.20.0.0/24"),
      ("subnet-ipv4-cidr-blocks", "10.20.0.0/24"), ("vpc-id", "net-aaaa"),
      ("vpc-ipv4-cidr-block", "10.20.0.0/24"), ("vpc-ipv4-cidr-blocks", "10.20.0.0/24"),
    ]
    #expect(try world.lines(card, "web-1") == expected.map(\.0))
    for (name, value) in expected {
      #expect(try world.text("\(card)/\(name)", "web-1") == value, "\(name)")
    }
    #expect(try world.text("\(card)/ipv4-associations/203.0.113.7", "web-1") == "10.20.0.5")
  }

  @Test("the second interface's directory")
  func secondCard() throws {
    let card = "\(root)/network/interfaces/macs/fa:16:3e:0a:0b:02"
    #expect(
      try world.lines(card, "web-1") == [
        "device-number", "interface-id", "ipv6s", "local-hostname", "local-ipv4s", "mac",
        "owner-id", "security-groups", "subnet-id", "subnet-ipv4-cidr-block",
        "subnet-ipv4-cidr-blocks",
        "subnet-ipv6-cidr-blocks", "vpc-id", "vpc-ipv4-cidr-block", "vpc-ipv4-cidr-blocks",
      ])
    #expect(try world.text("\(card)/device-number", "web-1") == "1")
    #expect(try world.text("\(card)/ipv6s", "web-1") == "2001:db8:7::9")
    #expect(try world.text("\(card)/subnet-ipv4-cidr-block", "web-1") == "172.31.0.0/20")
    #expect(try world.text("\(card)/subnet-ipv6-cidr-blocks", "web-1") == "2001:db8:7::/64")
  }

  @Test("the identity document, asked for as boto 2 does")
  func identity() throws {
    #expect(
      try world.json("/latest/dynamic/instance-identity//document/", "web-1") == [
        "accountId": "123456789012", "architecture": .null, "availabilityZone": "eu-test-1a",
        "billingProducts": .null, "devpayProductCodes": .null, "marketplaceProductCodes": .null,
        "imageId": "ami-00000007", "instanceId": "i-0a1b2c3d4e5f60718",
        "instanceType": "m1.small", "kernelId": .null, "pendingTime": "2026-11-01T10:20:30Z",
        "privateIp": "10.20.0.5", "ramdiskId": .null, "region": "eu-test-1",
        "version": "2017-09-30",
      ])
  }

  @Test("network_data.json as cloud-init must read it")
  func networkData() throws {
    #expect(
      try world.text("/openstack/latest/network_data.json", "web-1") == """
        {"links": [{"id": "tap9a1b6b1e-11", "vif_id": "9a1b6b1e-1111-4c4c-8d8d-000000000001", \
        "type": "ovs", "mtu": 1442, "ethernet_mac_address": "fa:16:3e:0a:0b:01"}, \
        {"id": "tap9a1b6b1e-22", "vif_id": "9a1b6b1e-2222-4c4c-8d8d-000000000002", \
        "type": "ovs", "mtu": 1500, "ethernet_mac_address": "fa:16:3e:0a:0b:02"}], \
        "networks": [{"id": "network0", "type": "ipv4_dhcp", "link": "tap9a1b6b1e-11", \
        "network_id": "net-aaaa"}, \
        {"id": "network1", "type": "ipv4", "link": "tap9a1b6b1e-22", "ip_address": "172.31.7.9", \
        "netmask": "255.255.240.0", "routes": [{"network": "198.51.100.0", \
        "netmask": "255.255.255.0", "gateway": "172.31.0.1"}], "network_id": "net-bbbb", \
        "services": [{"type": "dns", "address": "192.0.2.53"}]}, \
        {"id": "network2", "type": "ipv6", "link": "tap9a1b6b1e-22", \
        "ip_address": "2001:db8:7::9", "netmask": "ffff:ffff:ffff:ffff::", "routes": \
        [{"network": "::", "netmask": "::", "gateway": "2001:db8:7::1"}], \
        "network_id": "net-bbbb", "services": [{"type": "dns", "address": "2001:db8:53::53"}]}], \
        "services": [{"type": "dns", "address": "192.0.2.53"}, \
        {"type": "dns", "address": "2001:db8:53::53"}]}
        """)
  }

  @Test("meta_data.json and vendor_data.json as cloud-init must read them")
  func openStackDocuments() throws {
    let value = try #require(try world.json("/openstack/2018-08-27/meta_data.json", "web-1"))
    #expect(
      value.object?.keys.elements == [
        "uuid", "meta", "public_keys", "keys", "hostname", "name", "launch_index",
        "availability_zone", "random_seed", "project_id", "devices",
      ])
    #expect(value["uuid"] == "6f1c7c0a-2d4e-4b5f-9a63-0d8c1b2e3f40")
    #expect(value["meta"] == ["role": "frontend", "tier": "gold"])
    #expect(
      try world.json("/openstack/latest/vendor_data.json", "web-1") == [
        "cloud-init": "#cloud-config\nvendor_marker: yes\n", "site": "lab-3",
      ])
  }
}

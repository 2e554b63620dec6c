import Inventory
import Testing

@Suite("Addresses")
struct AddressTests {
  @Test(
    "an address reads and prints in the field's form",
    arguments: [
      ("10.20.0.15", "10.20.0.15"), ("::", "::"), ("::1", "::1"),
      ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
      ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
      ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("fe80::a9fe:a9fe", "fe80::a9fe:a9fe"),
      ("::ffff:192.0.2.1", "192.0.2.1"),
    ])
  func reads(text: String, printed: String) throws {
    #expect(try #require(IPAddress(text)).description == printed)
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/8", "1:2", ":::", "fe80::1%eth0",
      "10.0.0.1\0", String(repeating: "1", count: 100), "localhost",
    ])
  func refuses(text: String) { #expect(IPAddress(text) == nil) }

  @Test(
    "a block knows its mask, its broadcast address and what it contains",
    arguments: [
      ("192.0.2.20/25", "192.0.2.0/25", "255.255.255.128", "192.0.2.127"),
      ("10.0.0.0/8", "10.0.0.0/8", "255.0.0.0", "10.255.255.255"),
      ("0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
      ("192.0.2.1/32", "192.0.2.1/32", "255.255.255.255", "192.0.2.1"),
      (
        "2001:db8:b::20/48", "2001:db8:b::/48", "ffff:ffff:ffff::",
        "2001:db8:b:ffff:ffff:ffff:ffff:ffff"
      ),
      ("::/0", "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
  func block(text: String, printed: String, mask: String, last: String) throws {
    let block = try #require(CIDR(text))
    #expect(block.description == printed)
    #expect(block.netmask.description == mask)
    #expect(block.broadcast.description == last)
    #expect(block.contains(block.network))
    #expect(block.contains(block.broadcast))
  }

  @Test("a block contains nothing of the other family and nothing beside it")
  func contains() throws {
    let block = try #require(CIDR("10.20.0.0/24"))
    #expect(!block.contains(.v4(0x0A14_0100)))
    #expect(!block.contains(.v6(0, 0x0A14_0001)))
  }

  @Test(
    "what is no block is refused",
    arguments: [
      "10.0.0.0", "10.0.0.0/33", "::/129", "/8", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
    ])
  func refusesBlock(text: String) { #expect(CIDR(text) == nil) }

  @Test(
    "a MAC gives the link-local address of RFC 4291",
    arguments: [
      ("fa:16:3e:9c:bf:3d", "fe80::f816:3eff:fe9c:bf3d"),
      ("FA:16:3E:9C:BF:3D", "fe80::f816:3eff:fe9c:bf3d"),
      ("00:00:00:00:00:01", "fe80::200:ff:fe00:1"),
    ])
  func linkLocal(mac: String, address: String) throws {
    let mac = try #require(MACAddress(mac))
    #expect(mac.linkLocalAddress == IPAddress(address))
    #expect(mac.linkLocalAddress.isLinkLocal)
    #expect(MACAddress(mac.description) == mac)
  }

  @Test(
    "what is no MAC is refused",
    arguments: [
      "", "fa:16:3e:9c:bf", "fa:16:3e:9c:bf:3g", "fa-16-3e-9c-bf-3d", "fa:16:3e:9c:bf:+d",
      "fa:16:3e:9c:bf:3d:00",
    ])
  func refusesMAC(text: String) { #expect(MACAddress(text) == nil) }

  @Test("a UUID prints as it was read, in lower case, and gives EC2 ids of both lengths")
  func uuid() throws {
    let id = try #require(InstanceID("00000000-AAAA-4aaa-8aaa-000000000005"))
    #expect(id.description == "00000000-aaaa-4aaa-8aaa-000000000005")
    #expect(id.ec2InstanceIDCandidates == ["i-00000005", "i-a8aaa000000000005"])
    #expect(InstanceID("00000000aaaa4aaa8aaa000000000005") == nil)
    #expect(InstanceID("00000000-aaaa-4aaa-8aaa-00000000000g") == nil)
  }

  @Test("a random UUID is of version 4")
  func randomUUID() {
    var generator = SystemRandomNumberGenerator()
    let id = InstanceID.random(using: &generator).description
    #expect(Array(id)[14] == "4")
    #expect("89ab".contains(Array(id)[19]))
  }
}

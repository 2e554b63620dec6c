import Inventory
import MetadataService
import Synchronization
import TestKit
import Testing

@Suite("The road that a request came by")
struct RoadTests {
  static let network = """
    {"kind": "Network", "id": "net-a",
     "subnets": [{"cidr": "10.20.0.0/24", "gateway": "10.20.0.1", "dhcpServer": "10.20.0.2"}]}
    """
  static let instance = Examples.instance(
    1,
    interfaces: """
      [{"network": "net-a", "addresses": [{"ip": "10.20.0.5", "floatingIPs": ["192.0.2.77"]}]}]
      """)
  static let nonce = "0123456789abcdef0123456789abcdef"

  @Test(
    "a request from an address that can be no guest's says at once whose it is",
    arguments: [
      ("10.20.0.1", "request from 10.20.0.1 (the gateway of net-a): the fixed IP was NATed away"),
      (
        "10.20.0.2",
        "request from 10.20.0.2 (the DHCP server of net-a): the fixed IP was NATed away"
      ),
      (
        "192.0.2.77",
        "request from 192.0.2.77 (a floating IP of instance 00000000-0000-4000-8000-000000000001):"
          + " the fixed IP was NATed away"
      ),
      (
        "10.30.0.4", "request from 10.30.0.4 (an address of this host): the fixed IP was NATed away"
      ),
    ])
  func translated(source: String, detail: String) async throws {
    let fixture = try await ServiceFixture([Self.network, Self.instance])
    async let answer = fixture.ask("/latest/meta-data/", from: source)
    await fixture.clock.untilSomebodySleeps()
    // It is held still, and known already.
    #expect(fixture.refused.map(\.detail) == [detail])
    #expect(fixture.service.counters.values["refusals.translated-address"] == 1)
    fixture.clock.wakeAll()
    #expect(await answer.status == 404)
    #expect(await answer.body == Array("404 Not Found\n".utf8))
    #expect(fixture.refused.count == 1, "it is told once")
    let sighting = try #require(fixture.service.strangers.sightings.first)
    #expect(sighting.source.address == IPAddress(source))
    #expect(sighting.requests == 1)
    #expect(sighting.role.map { "\(detail)".contains("(\($0))") } == true)
  }

  @Test("an address that becomes an instance's while its request is held is answered")
  func declaredMeanwhile() async throws {
    let fixture = try await ServiceFixture([Self.network])
    async let answer = fixture.ask("/latest/meta-data/hostname", from: "10.20.0.1")
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([
      Examples.instance(1, interfaces: #"[{"network": "net-a", "address": "10.20.0.1"}]"#)
    ])
    #expect(await answer.status == 200)
  }

  @Test("roles follow the records that they come from")
  func roles() async throws {
    let fixture = try await ServiceFixture([Self.network, Self.instance])
    let gateway = try #require(IPAddress("10.20.0.1"))
    let other = try #require(IPAddress("10.20.0.3"))
    #expect(fixture.catalog.read { "\($0.role(of: gateway, on: nil)!)" } == "the gateway of net-a")
    try await fixture.declare([Self.network.replacing("10.20.0.1", with: "10.20.0.3")])
    #expect(fixture.catalog.read { $0.role(of: gateway, on: nil) } == nil)
    #expect(fixture.catalog.read { "\($0.role(of: other, on: nil)!)" } == "the gateway of net-a")
  }

  @Test("strangers are counted, the latest first, and no more are kept than the bound")
  func strangers() async throws {
    let fixture = try await ServiceFixture([], unknownHold: .zero)
    for number in 0...Limits.maximumStrangers {
      _ = await fixture.ask("/", from: "10.1.\(number / 256).\(number % 256)")
    }
    for _ in 0..<3 { _ = await fixture.ask("/", from: "10.1.0.200") }
    let sightings = fixture.service.strangers.sightings
    #expect(sightings.count == Limits.maximumStrangers)
    #expect(!sightings.contains { $0.source.address == IPAddress("10.1.0.0") })
    #expect(sightings.first { $0.source.address == IPAddress("10.1.0.200") }?.requests == 4)
    #expect(sightings.allSatisfy { $0.role == nil })
  }

  @Test("a probe is answered to anybody with the address that it came from, and remembered")
  func probe() async throws {
    let fixture = try await ServiceFixture([Self.network, Self.instance])
    for source in ["10.20.0.5", "203.0.113.9", "fe80::1"] {
      let answer = await fixture.ask("/nameplate/probe/\(Self.nonce)", from: source)
      #expect(answer.status == 200)
      let text = String(decoding: answer.body, as: UTF8.self)
      let wanted =
        #"{"service": "nameplate", "nonce": "\#(Self.nonce)", "source": "\#(source)"}"# + "\n"
      #expect(text == wanted)
      #expect(
        fixture.service.probes.sighting(of: Self.nonce)?.source == IPAddress(source))
    }
    #expect(fixture.service.probes.sighting(of: "0") == nil)
  }

  @Test("a probe's answer is as large as was asked for", arguments: [0, 300, 8000, 16_384])
  func padded(bytes: Int) async throws {
    let fixture = try await ServiceFixture([])
    let answer = await fixture.ask("/nameplate/probe/\(Self.nonce)/\(bytes)", from: "10.0.0.9")
    #expect(answer.status == 200)
    let value = try JSONValue(parsing: answer.body)
    #expect(value["nonce"] == .string(Self.nonce))
    if bytes >= 300 { #expect(answer.body.count == bytes) }
  }

  @Test(
    "what is not quite a probe is a path like any other",
    arguments: [
      "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
      "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef/",
      "0123456789abcdef0123456789abcdef/16385", "0123456789abcdef0123456789abcdef/-1",
      "0123456789abcdef0123456789abcdef/1/1", "",
    ])
  func noProbe(rest: String) async throws {
    let fixture = try await ServiceFixture([Self.instance], unknownHold: .zero)
    let path = "/nameplate/probe/\(rest)"
    #expect(await fixture.ask(path, from: "10.20.0.5").status == 404)
    #expect(await fixture.ask(path, from: "10.20.0.6").refusal == .unknownAddress)
    #expect(
      await fixture.ask("/nameplate/probe/\(Self.nonce)", from: "10.20.0.5", method: .post).status
        == 404)
  }

  @Test("no more probes are remembered than the bound, the oldest first to go")
  func bounded() async throws {
    let fixture = try await ServiceFixture([])
    let nonces = (0...Limits.maximumProbes).map { number in
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: 32 - digits.count) + digits
    }
    for nonce in nonces { _ = await fixture.ask("/nameplate/probe/\(nonce)", from: "10.0.0.9") }
    #expect(fixture.service.probes.sighting(of: nonces[0]) == nil)
    #expect(nonces.dropFirst().allSatisfy { fixture.service.probes.sighting(of: $0) != nil })
  }
}

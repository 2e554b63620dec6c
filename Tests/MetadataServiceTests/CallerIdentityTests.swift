import Inventory
import MetadataService
import TestKit
import Testing

@Suite("Who asks, beside the address")
struct CallerIdentityTests {
  static let path = "/latest/meta-data/hostname"
  static let own = "fa:16:3e:00:00:05"
  static let other = "fa:16:3e:00:00:06"
  /// The link-local address that follows from `own`.
  static let linkLocal = "fe80::f816:3eff:fe00:5"

  static func network(_ check: String?) -> String {
    let member = check.map { #", "macCheck": "\#($0)""# } ?? ""
    return #"{"kind": "Network", "id": "net-a"\#(member)}"#
  }

  static let instance = Examples.instance(
    1, interfaces: #"[{"network": "net-a", "mac": "\#(own)", "address": "10.0.0.5"}]"#)
  static let withoutMAC = Examples.instance(
    2, interfaces: #"[{"network": "net-a", "address": "10.0.0.6"}]"#)

  static func link(_ mac: String?, isUnresolved: Bool = false) -> LinkFacts {
    var link = LinkFacts()
    link.mac = mac.flatMap { MACAddress($0) }
    link.isMACUnresolved = isUnresolved
    return link
  }

  @Test(
    "the MAC of the link must be the one of the interface whose address is used",
    arguments: [nil, "enforce", "audit", "off"], ["10.0.0.5", linkLocal])
  func mismatch(check: String?, source: String) async throws {
    let fixture = try await ServiceFixture([Self.network(check), Self.instance])
    let isEnforced = check == nil || check == "enforce"
    // The honest guest's answer is kept, and is not for the other one.
    #expect(await fixture.ask(Self.path, from: source, link: Self.link(Self.own)).status == 200)
    for round in 1...2 {
      let answer = await fixture.ask(Self.path, from: source, link: Self.link(Self.other))
      #expect(answer.status == (isEnforced ? 404 : 200))
      let count = fixture.service.counters.values
      #expect(count["refusals.mac-mismatch"] == (isEnforced ? UInt64(round) : nil))
      #expect(count["audit.mac-mismatch"] == (check == "audit" ? UInt64(round) : nil))
    }
    #expect(await fixture.ask(Self.path, from: source, link: Self.link(Self.own)).status == 200)
    #expect(fixture.refused.count == (isEnforced ? 2 : 0))
    #expect(fixture.audited.count == (check == "audit" ? 2 : 0))
  }

  @Test("a mismatch names both MACs, the network and the instance, to the operator alone")
  func words() async throws {
    let fixture = try await ServiceFixture([Self.network(nil), Self.instance])
    let answer = await fixture.ask(Self.path, from: "10.0.0.5", link: Self.link(Self.other))
    #expect(answer.body == Array("404 Not Found\n".utf8))
    #expect(
      fixture.refused.map(\.detail) == [
        "the address is instance 00000000-0000-4000-8000-000000000001's on net-a, whose MAC is "
          + "fa:16:3e:00:00:05; the neighbour table has fa:16:3e:00:00:06"
      ])
    let sighting = try #require(fixture.service.strangers.sightings.first)
    #expect(sighting.source.address == IPAddress("10.0.0.5"))
    #expect(sighting.conflict?.seen == MACAddress(Self.other))
    #expect(sighting.conflict?.declared == MACAddress(Self.own))
    #expect(sighting.requests == 1)
  }

  @Test(
    "without a MAC on either side there is nothing to compare",
    arguments: [("10.0.0.5", nil), ("10.0.0.6", other), ("10.0.0.6", nil)] as [(String, String?)])
  func nothingToCompare(source: String, mac: String?) async throws {
    let fixture = try await ServiceFixture([Self.instance, Self.withoutMAC])
    #expect(await fixture.ask(Self.path, from: source, link: Self.link(mac)).status == 200)
    #expect(fixture.refused == [])
  }

  @Test(
    "a MAC that the kernel cannot tell is no way around the check, and may be asked again",
    arguments: [("enforce", 503), ("audit", 200), ("off", 200)])
  func unresolved(check: String, status: Int) async throws {
    let fixture = try await ServiceFixture([
      Self.network(check), Self.instance, Self.withoutMAC,
    ])
    let link = Self.link(nil, isUnresolved: true)
    // A kept answer does not help either.
    #expect(await fixture.ask(Self.path, from: "10.0.0.5", link: Self.link(Self.own)).status == 200)
    #expect(await fixture.ask(Self.path, from: "10.0.0.5", link: link).status == status)
    #expect(await fixture.ask(Self.path, from: "10.0.0.6", link: link).status == 200)
  }

  @Test("the check of a network is changed by its record, also for answers that were kept")
  func changes() async throws {
    let fixture = try await ServiceFixture([Self.network("off"), Self.instance])
    for (check, status) in [("off", 200), ("enforce", 404), ("audit", 200), ("enforce", 404)] {
      try await fixture.declare([Self.network(check)])
      let answer = await fixture.ask(Self.path, from: "10.0.0.5", link: Self.link(Self.other))
      #expect(answer.status == status, "\(check)")
    }
  }

  @Test("a request that is held is compared when its record comes")
  func held() async throws {
    let fixture = try await ServiceFixture([])
    async let answer = fixture.ask(Self.path, from: "10.0.0.5", link: Self.link(Self.other))
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([Self.instance])
    #expect(await answer.refusal?.code == "mac-mismatch")
  }

  @Test("a connection of one instance gets no other one's answer, kept or not")
  func callers() async throws {
    let fixture = try await ServiceFixture([Self.instance])
    let earlier = try #require(InstanceID("00000000-0000-4000-8000-000000000009"))
    for _ in 0..<2 {
      let answer = await fixture.ask(Self.path, from: "10.0.0.5", caller: earlier)
      #expect(answer.status == 421)
      #expect(answer.refusal == .callerChanged(earlier))
      #expect(await fixture.ask(Self.path, from: "10.0.0.5").status == 200)
    }
    #expect(fixture.service.counters.values["refusals.caller-changed"] == 2)
  }
}

import Inventory
import MetadataService
import TestKit
import Testing

@Suite("Readiness")
struct GuestReadinessTests {
  private typealias Door = GuestReadiness.Door

  private static let any4 = Door(isIPv4: true, network: nil)
  private static let any6 = Door(isIPv4: false, network: nil)
  private static let blue = Door(isIPv4: true, network: NetworkID("net-blue"))
  private static let id = InstanceID("00000000-0000-4000-8000-000000000001")

  @Test(
    "a guest would be answered where a listener of its family serves its network",
    arguments: [
      (#"[{"address": "10.0.0.5"}]"#, [any4], 1, []),
      (#"[{"address": "10.0.0.5"}]"#, [any6], 0, ["10.0.0.5: no IPv4 listener"]),
      (#"[{"address": "10.0.0.5"}]"#, [], 0, ["10.0.0.5: no IPv4 listener"]),
      (#"[{"address": "10.0.0.5"}]"#, [blue], 0, ["10.0.0.5: no IPv4 listener is open for the"]),
      (#"[{"network": "net-blue", "address": "10.0.0.5"}]"#, [blue], 1, []),
      (#"[{"mac": "fa:16:3e:00:00:01"}]"#, [any4], 0, ["fe80::f816:3eff:fe00:1: no IPv6"]),
      (#"[{"mac": "fa:16:3e:00:00:01"}]"#, [any4, any6], 1, []),
      (#"[{"address": "10.0.0.5"}, {"address": "fd00::5"}]"#, [any4], 1, ["fd00::5: no IPv6"]),
      ("[]", [any4], 0, ["it has neither an address nor a MAC"]),
    ])
  private func doors(
    _ interfaces: String, _ doors: [Door], _ answered: Int, _ problems: [String]
  ) async throws {
    let fixture = try await ServiceFixture([Examples.instance(1, interfaces: interfaces)])
    let id = try #require(Self.id)
    let readiness = try #require(fixture.service.readiness(of: id, doors: doors).readiness)
    #expect(readiness.answered.count == answered)
    #expect(readiness.isReady == (answered > 0))
    #expect(readiness.problems.count == problems.count)
    for (problem, expected) in zip(readiness.problems, problems) {
      #expect(problem.hasPrefix(expected), "\(problem)")
    }
  }

  @Test("an address of two networks is answered only where a listener tells them apart")
  func ambiguous() async throws {
    let fixture = try await ServiceFixture([
      Examples.instance(1, interfaces: #"[{"network": "net-blue", "address": "10.0.0.5"}]"#),
      Examples.instance(2, interfaces: #"[{"network": "net-red", "address": "10.0.0.5"}]"#),
    ])
    let id = try #require(Self.id)
    let shared = try #require(fixture.service.readiness(of: id, doors: [Self.any4]).readiness)
    #expect(!shared.isReady)
    #expect(
      shared.problems == [
        "10.0.0.5: other networks have this address too, and the listener serves any; "
          + "give net-blue a listener of its own"
      ])
    let own = fixture.service.readiness(of: id, doors: [Self.any4, Self.blue]).readiness
    #expect(own?.isReady == true)
  }

  @Test(
    "a guest whose endpoint is disabled would not be answered; one that is not declared neither")
  func disabledAndMissing() async throws {
    let fixture = try await ServiceFixture([
      Examples.instance(
        1, interfaces: #"[{"address": "10.0.0.5"}]"#,
        more: #""metadataOptions": {"httpEndpoint": "disabled"},"#)
    ])
    let id = try #require(Self.id)
    let disabled = try #require(fixture.service.readiness(of: id, doors: [Self.any4]).readiness)
    #expect(!disabled.isReady)
    #expect(disabled.problems == ["metadataOptions.httpEndpoint is disabled"])
    let other = try #require(InstanceID("00000000-0000-4000-8000-000000000009"))
    #expect(fixture.service.readiness(of: other, doors: [Self.any4]).readiness == nil)
  }
}

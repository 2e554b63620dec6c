import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import Testing

@Suite("What a doctor asks")
struct RoadTests {
  static let nonce = "0123456789abcdef0123456789abcdef"

  private func ask(_ service: MetadataService, _ path: String, from source: String) async throws {
    let request = GuestRequest(
      Question(method: .get, target: Array(path.utf8)), network: .default,
      source: try #require(IPAddress(source)))
    if case .wait(let pending) = service.answer(request) { service.abandon(pending) }
  }

  @Test("whose an address is: an instance's, a gateway's, nobody's")
  func owners() async throws {
    try await withPlane { plane in
      let network: JSONValue = [
        "kind": "Network", "id": "net-a",
        "subnets": [["cidr": "10.20.0.0/24", "gateway": "10.20.0.1"]],
      ]
      _ = try await plane.client.create(network, kind: .network)
      let document = instanceDocument(testID(1), "h1", "10.20.0.5")
      _ = try await plane.client.create(document, kind: .instance)
      let address = try #require(IPAddress("10.20.0.5"))
      let owner = try await plane.client.owner(of: address)
      #expect(
        owner.instances == [
          AddressOwner.Holder(id: testID(1), hostname: "h1", network: .default)
        ])
      try conforms(owner.form, to: "AddressOwner")
      let elsewhere = try await plane.client.owner(of: address, on: NetworkID("net-a"))
      #expect(elsewhere.instances.isEmpty)
      let gateway = try await plane.client.owner(of: try #require(IPAddress("10.20.0.1")))
      #expect(gateway == AddressOwner(instances: [], role: "the gateway of net-a"))
      try conforms(gateway.form, to: "AddressOwner")
      #expect(try await plane.raw(.GET, "/v1/addresses/ten").status == 400)
      #expect(try await plane.raw(.GET, "/v1/addresses/10.0.0.1?net=a").status == 400)
      #expect(try await plane.raw(.GET, "/v1/addresses/10.0.0.1?network=%20").status == 400)
    }
  }

  @Test("an address that many networks have is held by all of them")
  func ambiguous() async throws {
    try await withPlane { plane in
      // More than a guest's refusal names.
      let networks = ["default"] + (1..<12).map { "net-\($0)" }
      for (number, network) in networks.enumerated() {
        if number > 0 {
          let document: JSONValue = ["kind": "Network", "id": .string(network)]
          _ = try await plane.client.create(document, kind: .network)
        }
        let document: JSONValue = [
          "kind": "Instance", "id": .string(testID(number).description),
          "hostname": .string("h\(number)"),
          "interfaces": [["network": .string(network), "address": "10.20.0.5"]],
        ]
        _ = try await plane.client.create(document, kind: .instance)
      }
      let owner = try await plane.client.owner(of: try #require(IPAddress("10.20.0.5")))
      #expect(Set(owner.instances.map(\.hostname)) == Set((0..<12).map { "h\($0)" }))
      let query = "/v1/instances?address=10.20.0.5"
      #expect(try await plane.raw(.GET, query).json["items"]?.array?.count == 12)
      let one = try await plane.raw(.GET, query + "&network=net-3").json["items"]?.array
      #expect(one?.count == 1)
    }
  }

  @Test("a probe that arrived is found by its nonce, another is not")
  func probes() async throws {
    try await withPlane { plane in
      #expect(try await plane.client.probe(Self.nonce) == nil)
      try await ask(plane.service, "/nameplate/probe/\(Self.nonce)", from: "10.20.0.1")
      let probe = try #require(try await plane.client.probe(Self.nonce))
      #expect(probe.source == IPAddress("10.20.0.1"))
      #expect(probe.network == .default)
      try conforms(probe.form, to: "Probe")
      #expect(try await plane.raw(.GET, "/v1/probes/..%2F").status == 404)
    }
  }

  @Test("strangers are listed with what they are known as")
  func strangers() async throws {
    try await withPlane { plane in
      try await ask(plane.service, "/latest/meta-data/", from: "10.9.9.9")
      try await ask(plane.service, "/latest/meta-data/", from: "10.9.9.9")
      let strangers = try await plane.client.strangers()
      #expect(strangers.map(\.address) == [IPAddress("10.9.9.9")])
      #expect(strangers.first?.requests == 2)
      #expect(strangers.first?.network == .default)
      #expect(strangers.first?.lastSeenSeconds == 1_700_000_000)
      try conforms(["items": .array(strangers.map(\.form))], to: "Strangers")
    }
  }

  @Test("listeners are listed, those that are closed with their reason")
  func listeners() async throws {
    try await withPlane { plane in
      let listeners = try await plane.client.listeners()
      #expect(listeners == Plane.listeners)
      try conforms(["items": .array(listeners.map(\.form))], to: "Listeners")
    }
  }
}

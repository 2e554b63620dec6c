import Inventory
import MetadataService
import TestKit
import Testing

@Suite("The metadata service")
struct MetadataServiceTests {
  static let one = Examples.instance(
    1, interfaces: #"[{"network": "a", "address": "10.0.0.5", "mac": "fa:16:3e:9c:bf:3d"}]"#,
    more: #""keys": ["ssh-ed25519 AAAA alice@desk"], "userData": "hello", "#)

  @Test(
    "the instance behind the address is answered, on its network and on a listener for any",
    arguments: ["a", nil] as [String?])
  func answers(network: String?) async throws {
    let fixture = try await ServiceFixture([Self.one])
    let answer = await fixture.ask(
      "/latest/meta-data/hostname", from: "10.0.0.5", network: network)
    #expect(answer.status == 200)
    #expect(String(decoding: answer.body, as: UTF8.self) == "h1.novalocal")
  }

  @Test("an IPv6 guest is known by the link-local address of its MAC")
  func linkLocal() async throws {
    let fixture = try await ServiceFixture([Self.one])
    let answer = await fixture.ask(
      "/latest/user-data", from: "fe80::f816:3eff:fe9c:bf3d", network: "a")
    #expect(String(decoding: answer.body, as: UTF8.self) == "hello")
  }

  @Test("an unknown address is held, then refused, and counted")
  func unknown() async throws {
    let fixture = try await ServiceFixture([Self.one])
    async let answer = fixture.ask("/", from: "10.0.0.9")
    await fixture.clock.untilSomebodySleeps()
    fixture.clock.wakeAll()
    let refused = await answer
    #expect(refused.status == 404)
    #expect(refused.refusal == .unknownAddress)
    #expect(fixture.service.counters.values["refusals.unknown-address"] == 1)
  }

  @Test("a guest that asks before its record lands is answered at its first try")
  func early() async throws {
    let fixture = try await ServiceFixture([])
    async let answer = fixture.ask("/latest/meta-data/hostname", from: "10.0.0.5", network: "a")
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([Self.one])
    #expect(await answer.status == 200)
  }

  @Test("only so many requests of one address are held")
  func holdLimit() async throws {
    let fixture = try await ServiceFixture([])
    let request = GuestRequest(
      Question(method: .get, target: Array("/".utf8)), network: nil, source: .v4(0x0A00_0009))
    var held: [MetadataService.Pending] = []
    var refused = 0
    for _ in 0..<(Limits.maximumHeldRequestsPerAddress + 3) {
      switch fixture.service.answer(request) {
      case .answer(let answer):
        #expect(answer.refusal == .unknownAddress)
        refused += 1
      case .wait(let pending): held.append(pending)
      }
    }
    #expect(held.count == Limits.maximumHeldRequestsPerAddress)
    #expect(refused == 3)
    for pending in held { fixture.service.abandon(pending) }
    guard case .wait = fixture.service.answer(request) else {
      Issue.record("abandoned requests must make room")
      return
    }
  }

  @Test("an address on two networks is each network's own, and nobody's on a listener for any")
  func overlap() async throws {
    let two = Examples.instance(2, interfaces: #"[{"network": "b", "address": "10.0.0.5"}]"#)
    let fixture = try await ServiceFixture([Self.one, two])
    let path = "/latest/meta-data/hostname"
    let a = await fixture.ask(path, from: "10.0.0.5", network: "a")
    let b = await fixture.ask(path, from: "10.0.0.5", network: "b")
    let any = await fixture.ask(path, from: "10.0.0.5")
    #expect(String(decoding: a.body, as: UTF8.self) == "h1.novalocal")
    #expect(String(decoding: b.body, as: UTF8.self) == "h2.novalocal")
    #expect(any.status == 404)
    #expect(any.refusal?.code == "ambiguous-address")
    #expect(
      any.refusal?.detail
        == "the address is declared on a, b; give each of these networks a listener of its own")
  }

  @Test("a line of the log names some networks of an address, however many have it")
  func manyNetworks() async throws {
    let fixture = try await ServiceFixture(
      (1...30).map {
        Examples.instance($0, interfaces: #"[{"network": "n\#($0)", "address": "10.0.0.5"}]"#)
      })
    let detail = await fixture.ask("/", from: "10.0.0.5").refusal?.detail ?? ""
    let named = detail.split(separator: ",").count
    #expect(named == Limits.maximumNamedNetworks)
    #expect(detail.contains(" and perhaps others; give each"))
  }

  @Test(
    "options of the instance decide what it may ask",
    arguments: [
      (#""metadataOptions": {"httpEndpoint": "disabled"}, "#, "/openstack", 403),
      (#""metadataOptions": {"httpTokens": "required"}, "#, "/latest", 401),
      (#""metadataOptions": {"httpTokens": "required"}, "#, "/openstack", 200),
    ])
  func options(more: String, path: String, status: Int) async throws {
    let fixture = try await ServiceFixture(
      [Examples.instance(3, interfaces: #"[{"address": "10.0.0.7"}]"#, more: more)])
    #expect(await fixture.ask(path, from: "10.0.0.7").status == status)
  }

  @Test(
    "methods that a path does not take are refused with those it takes",
    arguments: [
      ("/latest/meta-data/hostname", Question.Method.post, "GET, HEAD"),
      ("/openstack/latest/meta_data.json", .put, "GET, HEAD"),
      ("/openstack/latest/password", .put, "GET, HEAD, POST"),
      ("/latest", .other, "GET, HEAD"),
    ])
  func methods(path: String, method: Question.Method, allow: String) async throws {
    let fixture = try await ServiceFixture([Self.one])
    let answer = await fixture.ask(path, from: "10.0.0.5", method: method)
    #expect(answer.status == 405)
    #expect(answer.allow == allow)
  }

  @Test("a password is taken once, kept as it came, and visible at once")
  func password() async throws {
    let fixture = try await ServiceFixture([Self.one])
    let path = "/openstack/latest/password"
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post).status == 200)
    let long = String(repeating: "x", count: Limits.maximumPasswordBytes + 1)
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post, body: long).status == 400)
    let result = try await fixture.store.commit(
      [
        .setPassword(
          try #require(InstanceID("00000000-0000-4000-8000-000000000001")),
          Secret(Array("secret".utf8)))
      ], now: 0, dryRun: false)
    try await fixture.catchUp()
    await fixture.catalog.wait(for: result.revision)
    let shown = await fixture.ask(path, from: "10.0.0.5")
    #expect(String(decoding: shown.body, as: UTF8.self) == "secret")
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post, body: "y").status == 409)
  }

  @Test(
    "a target that cannot be read is a bad request, whoever asks",
    arguments: ["latest", "*", "/%zz", "/%00", "/%ff", "ftp://x/"])
  func malformed(target: String) async throws {
    let fixture = try await ServiceFixture([Self.one])
    #expect(await fixture.ask(target, from: "10.0.0.5").status == 400)
  }

  @Test("what a guest reads says nothing that a stranger should not know")
  func guestTexts() {
    for refusal in [Refusal.unknownAddress, .ambiguousAddress([.default]), .notFound] {
      #expect(refusal.guestText == "404 Not Found\n")
    }
    #expect(!Refusal.storeUnavailable("/var/lib/secret").guestText.contains("secret"))
  }

  @Test("look shows the bytes that the guest gets")
  func look() async throws {
    let fixture = try await ServiceFixture([Self.one])
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    for path in ["/latest/meta-data/", "/openstack/latest/network_data.json", "/latest/none"] {
      let looked = try #require(await fixture.service.look(path, as: id))
      let asked = await fixture.ask(path, from: "10.0.0.5")
      #expect(looked.body == asked.body)
      #expect(looked.status == asked.status)
    }
  }
}

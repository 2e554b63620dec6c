import Inventory
import MetadataService
import TestKit
import Testing

/// A daemon that has just been started: guests ask before its catalogue is whole.
@Suite("Before the catalogue is whole", .timeLimit(.minutes(1)))
struct UnreadCatalogTests {
  static let path = "/latest/meta-data/hostname"

  static func instances() -> [String] {
    [
      Examples.instance(1, interfaces: #"[{"network": "a", "address": "10.0.0.5"}]"#),
      Examples.instance(2, interfaces: #"[{"network": "b", "address": "10.0.0.5"}]"#),
      Examples.instance(3, interfaces: #"[{"network": "b", "address": "10.0.0.6"}]"#),
    ]
  }

  @Test("guests get their own answers from the store, and the same afterwards")
  func answered() async throws {
    let fixture = try await ServiceFixture(Self.instances(), isRead: false)
    for isRead in [false, true] {
      if isRead { try await fixture.catchUp() }
      for (source, network, hostname) in [
        ("10.0.0.5", "a", "h1"), ("10.0.0.5", "b", "h2"), ("10.0.0.6", "b", "h3"),
      ] {
        let answer = await fixture.ask(Self.path, from: source, network: network)
        #expect(answer.status == 200)
        #expect(String(decoding: answer.body, as: UTF8.self) == "\(hostname).novalocal")
      }
      let ambiguous = await fixture.ask(Self.path, from: "10.0.0.5")
      #expect(ambiguous.refusal?.code == "ambiguous-address")
      #expect(fixture.service.look(for: try #require(IPAddress("10.0.0.6")), on: nil).isKnown)
    }
    #expect(fixture.catalog.isLoaded)
  }

  @Test("what is written meanwhile counts")
  func written() async throws {
    let fixture = try await ServiceFixture(Self.instances(), isRead: false)
    for name in ["one", "two"] {
      let text = Self.instances()[2].replacing("h3", with: name)
      try await fixture.store.commit(
        [.put(try Resource(reading: try JSONValue(parsing: text)))], now: 0, dryRun: false)
      let answer = await fixture.ask(Self.path, from: "10.0.0.6", network: "b")
      #expect(String(decoding: answer.body, as: UTF8.self) == "\(name).novalocal")
    }
  }

  @Test("a stranger is held as ever, and answered where its record arrives in the store")
  func strangers() async throws {
    let fixture = try await ServiceFixture(Self.instances(), isRead: false)
    async let first = fixture.ask(Self.path, from: "10.0.0.7", network: "b")
    await fixture.clock.untilSomebodySleeps()
    let late = Examples.instance(4, interfaces: #"[{"network": "b", "address": "10.0.0.7"}]"#)
    try await fixture.store.commit(
      [.put(try Resource(reading: try JSONValue(parsing: late)))], now: 0, dryRun: false)
    fixture.clock.wakeAll()
    #expect(await first.status == 200)
    #expect(await fixture.ask(Self.path, from: "10.0.0.8", network: "b").status == 404)
    #expect(fixture.refused == [.unknownAddress])
  }

  @Test("a stranger who waits while the catalogue becomes whole is answered from it")
  func whole() async throws {
    let fixture = try await ServiceFixture(Self.instances(), isRead: false)
    async let answer = fixture.ask(Self.path, from: "10.0.0.7", network: "b")
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([
      Examples.instance(4, interfaces: #"[{"network": "b", "address": "10.0.0.7"}]"#)
    ])
    #expect(await answer.status == 200)
  }

  @Test("a store that cannot be read is told as such, not as an unknown guest")
  func broken() async throws {
    let fixture = try await ServiceFixture(Self.instances(), isRead: false)
    fixture.store.fail(with: .corrupt("it is damaged"))
    let answer = await fixture.ask(Self.path, from: "10.0.0.6", network: "b")
    #expect(answer.status == 503)
    #expect(answer.refusal == .storeUnavailable("it is damaged"))
    #expect(answer.retryAfterSeconds == 1)
  }
}

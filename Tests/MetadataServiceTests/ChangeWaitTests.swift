import Dialects
import Inventory
import MetadataService
import TestKit
import Testing

@Suite("A guest that waits for a change", .timeLimit(.minutes(1)))
struct ChangeWaitTests {
  static let path = "/openstack/latest/meta_data.json"
  static let source = "10.0.0.5"

  static func instance(_ number: Int = 1, name: String = "", address: String = source) -> String {
    Examples.instance(
      number, interfaces: #"[{"address": "\#(address)"}]"#, more: #""metadata": {"n": "\#(name)"},"#
    )
  }

  static func query(_ tag: String?, seconds: Int = 20) -> String {
    "\(path)?wait_for_change=true&timeout_sec=\(seconds)" + (tag.map { "&last_etag=\($0)" } ?? "")
  }

  static func tag(_ fixture: ServiceFixture) async throws -> String {
    try #require(await fixture.ask(query(nil), from: source).entityTag)
  }

  @Test("is answered at once where it has another tag or none, with the tag; the rest have none")
  func atOnce() async throws {
    let fixture = try await ServiceFixture([Self.instance()])
    let first = await fixture.ask(Self.query(nil), from: Self.source)
    let tag = try #require(first.entityTag)
    let again = await fixture.ask(Self.query("0"), from: Self.source)
    #expect(again.status == 200 && again.entityTag == tag)
    #expect(again.body != first.body, "the seed is another each time, and no change")
    for other in [
      Self.path, "\(Self.path)?last_etag=\(tag)", "\(Self.path)?wait_for_change=false",
      "/openstack/latest/vendor_data2.json?wait_for_change=true&last_etag=\(tag)",
    ] {
      let answer = await fixture.ask(other, from: Self.source)
      #expect(answer.status == 200 && answer.entityTag == nil, "\(other)")
    }
    #expect(await fixture.ask(Self.query(tag, seconds: 0), from: Self.source).entityTag == tag)
  }

  @Test("is answered when its own record changes")
  func changed() async throws {
    let fixture = try await ServiceFixture([Self.instance()])
    let tag = try await Self.tag(fixture)
    async let answer = fixture.ask(Self.query(tag), from: Self.source)
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([Self.instance(name: "new")])
    let got = await answer
    #expect(got.status == 200 && got.entityTag != tag)
    #expect(String(decoding: got.body, as: UTF8.self).contains(#""n": "new""#))
  }

  @Test("is not woken by what changes elsewhere, and at its end gets the same again")
  func elsewhere() async throws {
    let fixture = try await ServiceFixture([Self.instance()])
    let tag = try await Self.tag(fixture)
    async let answer = fixture.ask(Self.query(tag), from: Self.source)
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([Self.instance(2, address: "10.0.0.6")])
    fixture.clock.wakeAll()
    let got = await answer
    #expect(got.status == 200 && got.entityTag == tag)
  }

  @Test("gets nothing of the instance that has its address afterwards")
  func anotherInstance() async throws {
    let fixture = try await ServiceFixture([Self.instance()])
    let tag = try await Self.tag(fixture)
    async let answer = fixture.ask(Self.query(tag), from: Self.source)
    await fixture.clock.untilSomebodySleeps()
    try await fixture.declare([
      Self.instance(1, address: "10.0.0.9"), Self.instance(2, name: "secret"),
    ])
    let got = await answer
    #expect(got.refusal?.code == "caller-changed", "\(got.status)")
    #expect(!String(decoding: got.body, as: UTF8.self).contains("secret"))
  }

  @Test("is answered at once where the service ends, and where too many of its own wait")
  func bounds() async throws {
    let fixture = try await ServiceFixture([Self.instance()])
    let tag = try await Self.tag(fixture)
    let service = fixture.service
    let source = try #require(IPAddress(Self.source))
    func ask() -> MetadataService.Outcome {
      service.answer(
        GuestRequest(
          Question(method: .get, target: Array(Self.query(tag).utf8)), network: nil, source: source)
      )
    }
    var waiting: [MetadataService.Pending] = []
    for _ in 0..<Limits.maximumChangeWaitsPerInstance {
      guard case .wait(let pending) = ask() else { throw ChildProcess.Failed("not held") }
      waiting.append(pending)
    }
    guard case .answer(let answer) = ask() else { throw ChildProcess.Failed("held") }
    #expect(answer.status == 200 && answer.entityTag == tag)
    // One that is given up makes room for another.
    service.abandon(waiting.removeLast())
    guard case .wait(let last) = ask() else { throw ChildProcess.Failed("no room") }
    waiting.append(last)
    service.endChangeWaits()
    for pending in waiting { #expect(await service.finish(pending).entityTag == tag) }
  }
}

import Inventory
import MetadataService
import TestKit
import Testing

@Suite("A look at who has an address")
struct LookTests {
  /// What happens after a guest has connected, and what its request is answered then.
  struct Step: Sendable {
    var instances: [String]
    var isFirstDeleted = false
    var body: String
  }

  private static let one = AnswerCacheTests.instance("one")
  private static let two = Examples.instance(
    2, interfaces: #"[{"network": "a", "address": "10.0.0.5"}]"#)

  @Test(
    "whatever changes after it, the request is answered as of now",
    arguments: [
      Step(instances: [AnswerCacheTests.instance("new")], body: "new.novalocal"),
      Step(
        instances: [one.replacing("10.0.0.5", with: "10.0.0.9"), two], body: "h2.novalocal"),
      // The second instance gets the first one's place.
      Step(instances: [two], isFirstDeleted: true, body: "h2.novalocal"),
      Step(instances: [one.replacing(#""a""#, with: #""b""#)], body: "404 Not Found"),
    ], [0, 3])
  func changes(step: Step, requestsBefore: Int) async throws {
    let fixture = try await ServiceFixture([Self.one], unknownHold: .zero)
    let request = Self.request
    var look = fixture.service.look(for: request.source, on: request.network)
    #expect(look.isKnown)
    for _ in 0..<requestsBefore {
      #expect(try Self.body(fixture.service.answer(request, after: &look)) == "one.novalocal")
    }
    var changes: [Change] = []
    if step.isFirstDeleted {
      let id = ResourceID(kind: .instance, text: "00000000-0000-4000-8000-000000000001")
      changes.append(.deleted(id, project: nil))
    }
    for instance in step.instances {
      changes.append(
        .put(
          Record(
            resource: try Resource(reading: try JSONValue(parsing: instance)), revision: 9,
            createdAtSeconds: 0)))
    }
    fixture.catalog.apply(ChangeBatch(revision: 9, changes: changes))
    #expect(try Self.body(fixture.service.answer(request, after: &look)).hasPrefix(step.body))
  }

  @Test("of an address that nobody has, a later one finds who has declared it")
  func declared() async throws {
    let fixture = try await ServiceFixture([], unknownHold: .zero)
    let request = Self.request
    var look = fixture.service.look(for: request.source, on: request.network)
    #expect(!look.isKnown)
    try await fixture.declare([Self.one])
    #expect(try Self.body(fixture.service.answer(request, after: &look)) == "one.novalocal")
    #expect(look.isKnown)
  }

  private static let request = GuestRequest(
    Question(method: .get, target: Array("/latest/meta-data/hostname".utf8)),
    network: NetworkID("a"), source: .v4(0x0A00_0005))

  private static func body(_ outcome: MetadataService.Outcome) throws -> String {
    guard case .answer(let answer) = outcome else { throw Waits() }
    return String(decoding: answer.body, as: UTF8.self)
  }

  private struct Waits: Error {}
}

import Inventory
import TestKit
import Testing

@testable import MetadataService

@Suite("Keys of session tokens")
struct TokenKeyTests {
  static let settling = TokenKeyPlan.settlingSeconds
  static let rotation = TokenKeyPlan.rotationSeconds
  static let life = settling + Limits.maximumTokenTTLSeconds + TokenKeyPlan.clockToleranceSeconds

  static func keys(_ created: [Int]) -> [TokenKey] {
    created.enumerated().compactMap { index, created in
      TokenKey(
        id: UInt64(index), secret: Secret([UInt8](repeating: 1, count: TokenKey.secretBytes)),
        createdAtSeconds: created)
    }
  }

  struct Case: Sendable {
    var name: String
    /// Creation times, in seconds before now.
    var ages: [Int]
    /// Indices into `ages`.
    var sealing: Int?
    var isNewKeyDue = false
    var expired: Set<Int> = []
  }

  @Test(
    "which key seals, whether one is due and which go follows from their ages",
    arguments: [
      Case(name: "none", ages: [], sealing: nil, isNewKeyDue: true),
      Case(name: "the only one seals at once", ages: [0], sealing: 0),
      Case(name: "of two that are fresh, the older", ages: [10, 20], sealing: 1),
      Case(name: "a fresh one does not seal yet", ages: [rotation, settling - 1], sealing: 0),
      Case(name: "a settled one does", ages: [rotation, settling], sealing: 1),
      Case(name: "in any order", ages: [settling, rotation], sealing: 0),
      Case(name: "due", ages: [rotation], sealing: 0, isNewKeyDue: true),
      Case(name: "not due yet", ages: [rotation - 1], sealing: 0),
      Case(
        name: "an old one stays for its last token", ages: [rotation + life, life], sealing: 1,
        isNewKeyDue: true),
      Case(
        name: "and goes then", ages: [rotation + life, life + 1], sealing: 1, isNewKeyDue: true,
        expired: [0]),
      Case(
        name: "a last key never goes, however old", ages: [1_000_000], sealing: 0,
        isNewKeyDue: true),
      Case(
        name: "a clock that ran ahead for a while has its key replaced", ages: [-1_000_000],
        sealing: 0, isNewKeyDue: true),
      Case(
        name: "the key from the future seals until the other has settled", ages: [-1_000_000, 1],
        sealing: 0),
      Case(name: "and no longer", ages: [-1_000_000, settling], sealing: 1),
      Case(
        name: "and goes with its last token", ages: [-1_000_000, life + 1], sealing: 1,
        isNewKeyDue: true, expired: [0]),
      Case(
        name: "a clock that is a little ahead changes nothing",
        ages: [rotation - 10, -TokenKeyPlan.clockToleranceSeconds], sealing: 0),
    ])
  func plans(row: Case) {
    let now = 1_750_000_000
    let keys = Self.keys(row.ages.map { now - $0 })
    let plan = TokenKeyPlan(keys, now: now)
    #expect(plan.sealing?.id == row.sealing.map(UInt64.init), "\(row.name)")
    #expect(plan.isNewKeyDue == row.isNewKeyDue, "\(row.name)")
    #expect(Set(plan.expired.map { Int($0.id) }) == row.expired, "\(row.name)")
  }

  @Test("over days of rotation a token is good for as long as it was given for, and few keys stay")
  func rotates() async throws {
    let instance = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)
    let fixture = try await ServiceFixture([instance])
    var last: (token: [UInt8], issued: Int)?
    var ids: Set<UInt64> = []
    for round in 0..<(3 * 24 * 60) {
      fixture.now += TokenKeyPlan.readSeconds
      try await fixture.service.tokens.load { _ in }
      let keys = try await fixture.store.tokenKeys()
      ids.formUnion(keys.map(\.id))
      #expect(keys.count <= 3)
      guard round % 180 == 0 else { continue }
      if let last, fixture.now - last.issued < Limits.maximumTokenTTLSeconds {
        #expect(await fixture.ask("/latest", from: "10.0.0.5", token: last.token).status == 200)
      }
      last = (
        await fixture.token(for: "10.0.0.5", seconds: Limits.maximumTokenTTLSeconds), fixture.now
      )
    }
    #expect(ids.count >= 11)
  }

  @Test("several daemons on one store take each other's tokens, a new key's among them")
  func daemons() async throws {
    let instance = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)
    let one = try await ServiceFixture([instance])
    let two = try await ServiceFixture([instance], store: one.store)
    let token = await one.token(for: "10.0.0.5")
    #expect(await two.ask("/latest", from: "10.0.0.5", token: token).status == 200)
    // The first makes a new key, which the second has not read; the first restarted seals with it.
    let old = try await one.store.tokenKeys()
    one.now += 10
    two.now += 10
    let key = try #require(
      TokenKey(
        id: 42, secret: Secret([UInt8](repeating: 3, count: TokenKey.secretBytes)),
        createdAtSeconds: one.now))
    try await one.store.changeTokenKeys(adding: key, dropping: old.map(\.id))
    try await one.service.tokens.load { _ in }
    let fresh = await one.token(for: "10.0.0.5")
    #expect(await two.ask("/latest", from: "10.0.0.5", token: fresh).status == 200)
  }

  @Test("made-up keys make the store be read once in a while, not each time")
  func readsAreBounded() async throws {
    let instance = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)
    let fixture = try await ServiceFixture([instance])
    fixture.now += 60
    let before = fixture.store.keyReads
    for _ in 0..<100 {
      let noise =
        Array("AQ".utf8)
        + (0..<66).map { _ in UInt8(ascii: "A") + .random(in: 0...25) }
      let answer = await fixture.ask("/latest", from: "10.0.0.5", token: noise)
      #expect(answer.status == 401)
    }
    #expect(fixture.store.keyReads == before + 1)
  }

  @Test("a store that fails keeps the keys that are known, and none at all is told")
  func failures() async throws {
    let instance = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)
    let fixture = try await ServiceFixture([instance])
    let token = await fixture.token(for: "10.0.0.5")
    fixture.store.failTokenKeys(with: .unavailable("away"))
    await #expect(throws: StoreError.self) { try await fixture.service.tokens.load { _ in } }
    #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 200)
    #expect(await fixture.token(for: "10.0.0.5") != token)
  }
}

import Dialects
import Inventory
import MetadataService
import TestKit
import Testing

@Suite("Admission with session tokens")
struct AdmissionTests {
  static func instance(_ number: Int, _ options: String, address: String) -> String {
    Examples.instance(
      number, interfaces: #"[{"network": "a", "address": "\#(address)"}]"#,
      more: #""userData": "hello", "metadataOptions": {\#(options)}, "#)
  }

  /// What a guest shows.
  enum Shown: Sendable, CaseIterable {
    case nothing, valid, foreign, otherAddress, otherNetwork, expired, fromFuture, changed, empty
    case madeUp
  }

  static let options = [
    "", #""httpTokens": "optional""#, #""httpTokens": "required""#,
    #""httpTokens": "required", "httpTokensScope": "ec2""#,
    #""httpTokens": "required", "httpTokensScope": "all""#,
    #""httpTokens": "optional", "httpTokensScope": "all""#,
  ]

  static func status(_ options: String, _ path: String, _ shown: Shown) -> Int {
    switch shown {
    case .valid: 200
    case .nothing:
      options.contains("required") && (path.hasPrefix("/latest") || options.contains("all"))
        ? 401 : 200
    default: 401
    }
  }

  @Test(
    "whether a guest is answered follows from its options, the dialect and what it shows",
    arguments: options,
    ["/latest/user-data", "/openstack/latest/user_data", "/nocloud/user-data"])
  func table(options: String, path: String) async throws {
    let fixture = try await ServiceFixture([
      Self.instance(1, options, address: "10.0.0.5"), Self.instance(2, "", address: "10.0.0.6"),
      Examples.instance(3, interfaces: #"[{"network": "b", "address": "10.0.0.5"}]"#),
    ])
    let now = fixture.now
    let valid = await fixture.token(for: "10.0.0.5", network: "a")
    fixture.now = now - 3600
    let expired = await fixture.token(for: "10.0.0.5", network: "a")
    fixture.now = now + 3600
    let fromFuture = await fixture.token(for: "10.0.0.5", seconds: 21_600, network: "a")
    fixture.now = now
    let foreign = await fixture.token(for: "10.0.0.6", network: "a")
    let otherNetwork = await fixture.token(for: "10.0.0.5", network: "b")
    // Twice, so that kept answers are held to the same; in both orders, so that each comes first.
    for shown in Shown.allCases + Shown.allCases.reversed() {
      for method in [Question.Method.get, .head] {
        let token: [UInt8]? =
          switch shown {
          case .nothing: nil
          case .valid: valid
          case .foreign: foreign
          case .otherAddress: await fixture.token(for: "10.0.0.6", network: "a")
          case .otherNetwork: otherNetwork
          case .expired: expired
          case .fromFuture: fromFuture
          case .changed: Array(valid.dropLast()) + [valid.last == 0x41 ? 0x42 : 0x41]
          case .empty: []
          case .madeUp: Array("secret".utf8)
          }
        let answer = await fixture.ask(
          path, from: "10.0.0.5", method: method, network: "a", token: token)
        let expected = Self.status(options, path, shown)
        #expect(answer.status == expected, "\(options) \(path) \(shown) \(method)")
        if expected == 401 {
          #expect(
            answer.refusal?.code == (shown == .nothing ? "token-required" : "token-invalid"))
          #expect(!String(decoding: answer.body, as: UTF8.self).contains("hello"))
        }
      }
    }
  }

  @Test("a post needs a token where all dialects need one")
  func post() async throws {
    let fixture = try await ServiceFixture([
      Self.instance(1, Self.options[4], address: "10.0.0.5")
    ])
    let path = "/openstack/latest/password"
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post).status == 401)
    let token = await fixture.token(for: "10.0.0.5", path: "/openstack/latest/api/token")
    #expect(await fixture.ask(path, from: "10.0.0.5", method: .post, token: token).status == 200)
  }

  @Test("a token is good until its last second, seen before or not", arguments: [true, false])
  func expiry(isSeen: Bool) async throws {
    let fixture = try await ServiceFixture([Self.instance(1, "", address: "10.0.0.5")])
    let token = await fixture.token(for: "10.0.0.5", seconds: 60)
    for (seconds, status) in [(59, 200), (60, 401), (61, 401), (-299, 200), (-301, 401)] {
      let start = fixture.now
      if isSeen {
        #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 200)
      }
      fixture.now = start + seconds
      let answer = await fixture.ask("/latest", from: "10.0.0.5", token: token)
      #expect(answer.status == status, "after \(seconds) s")
      fixture.now = start
    }
  }

  @Test("a token ends with its key, seen before or not")
  func droppedKey() async throws {
    let fixture = try await ServiceFixture([Self.instance(1, "", address: "10.0.0.5")])
    let token = await fixture.token(for: "10.0.0.5", seconds: 21_600)
    for _ in 0..<2 {
      #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 200)
    }
    let keys = try await fixture.store.tokenKeys()
    try await fixture.store.changeTokenKeys(adding: nil, dropping: keys.map(\.id))
    try await fixture.service.tokens.load { _ in }
    #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 401)
  }

  @Test("an option that changes is in force at the next request")
  func change() async throws {
    let fixture = try await ServiceFixture([Self.instance(1, "", address: "10.0.0.5")])
    for _ in 0..<2 { #expect(await fixture.ask("/latest", from: "10.0.0.5").status == 200) }
    let token = await fixture.token(for: "10.0.0.5")
    try await fixture.declare([Self.instance(1, Self.options[2], address: "10.0.0.5")])
    #expect(await fixture.ask("/latest", from: "10.0.0.5").status == 401)
    #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 200)
    #expect(await fixture.ask("/latest", from: "10.0.0.5").status == 401)
  }

  @Test("an instance that is declared anew under its old id has none of the old tokens")
  func reborn() async throws {
    let fixture = try await ServiceFixture([Self.instance(1, "", address: "10.0.0.5")])
    let token = await fixture.token(for: "10.0.0.5")
    #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 200)
    let id = try #require(fixture.catalog.read { $0.records(.instance).first?.resource.id })
    _ = try await fixture.store.commit([.delete(id)], now: 0, dryRun: false)
    try await fixture.catchUp()
    try await fixture.declare([Self.instance(1, "", address: "10.0.0.5")], now: 7)
    #expect(await fixture.ask("/latest", from: "10.0.0.5", token: token).status == 401)
  }

  @Test("an operator looks without a token")
  func look() async throws {
    let fixture = try await ServiceFixture([
      Self.instance(1, Self.options[4], address: "10.0.0.5")
    ])
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    #expect(await fixture.service.look("/latest/user-data", as: id)?.status == 200)
    #expect(await fixture.service.look("/latest/api/token", as: id)?.status == 405)
    #expect(fixture.service.tokenlessUsers().isEmpty)
  }
}

@Suite("Requests without a session token")
struct TokenlessTests {
  static let one = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)

  @Test("what v2 would have refused is counted by instance and dialect, and nothing else")
  func counts() async throws {
    let required = Examples.instance(
      2, interfaces: #"[{"address": "10.0.0.6"}]"#,
      more: #""metadataOptions": {"httpTokens": "required"}, "#)
    let fixture = try await ServiceFixture([Self.one, required])
    let token = await fixture.token(for: "10.0.0.5")
    for _ in 0..<3 {
      fixture.now += 1
      for source in ["10.0.0.5", "10.0.0.6"] {
        _ = await fixture.ask("/latest/meta-data/hostname", from: source)
        _ = await fixture.ask("/openstack", from: source)
      }
    }
    let counted = fixture.now
    fixture.now += 1
    _ = await fixture.ask("/latest/meta-data/hostname", from: "10.0.0.5", token: token)
    _ = await fixture.ask("/latest/meta-data/hostname", from: "10.0.0.5", token: [1])
    let users = fixture.service.tokenlessUsers()
    let ids = try (1...2).map { number in
      try #require(InstanceID("00000000-0000-4000-8000-00000000000\(number)"))
    }
    #expect(users.map(\.instance) == ids)
    #expect(users.map(\.requests) == [[.ec2: 3, .openstack: 3], [.openstack: 3]])
    #expect(users.allSatisfy { $0.lastSeenSeconds == counted })
  }

  @Test("each dialect has a count of its own")
  func kinds() {
    let numbers = DialectName.allCases.map(\.number)
    #expect(numbers == Array(numbers.indices))
    #expect(numbers.count <= RequestTally.kinds)
  }

  @Test("a count goes on where the instance is changed, and where the catalogue is read again")
  func goesOn() async throws {
    let fixture = try await ServiceFixture([Self.one])
    let (catalog, stored) = (fixture.catalog, try await fixture.store.load())
    let record = try #require(stored.records.first)
    let changes: [() -> Void] = [
      { catalog.apply(ChangeBatch(revision: stored.revision, changes: [.put(record)])) },
      { catalog.replace(with: Catalog(stored)) },
    ]
    for (count, change) in changes.enumerated() {
      _ = await fixture.ask("/latest", from: "10.0.0.5")
      change()
      #expect(fixture.service.tokenlessUsers().map(\.requests) == [[.ec2: UInt64(count + 1)]])
    }
  }

  @Test("who is answered before the store has been read is counted, too")
  func early() async throws {
    let fixture = try await ServiceFixture([Self.one], isRead: false)
    for _ in 0..<2 { _ = await fixture.ask("/latest", from: "10.0.0.5") }
    try await fixture.catchUp()
    #expect(fixture.service.tokenlessUsers().map(\.requests) == [[.ec2: 2]])
  }

  @Test(
    "a count goes with its instance, whether the change or a whole catalogue says so",
    arguments: [true, false])
  func forgets(isChange: Bool) async throws {
    let fixture = try await ServiceFixture([Self.one])
    let id = try #require(InstanceID("00000000-0000-4000-8000-000000000001"))
    let resource = ResourceID(kind: .instance, text: id.description)
    _ = await fixture.ask("/latest", from: "10.0.0.5")
    #expect(fixture.service.tokenlessUsers().map(\.instance) == [id])
    let result = try await fixture.store.commit([.delete(resource)], now: 0, dryRun: false)
    if isChange {
      fixture.catalog.apply(
        ChangeBatch(revision: result.revision, changes: [.deleted(resource, project: nil)]))
    } else {
      try await fixture.catchUp()
    }
    #expect(fixture.service.tokenlessUsers().isEmpty)
  }
}

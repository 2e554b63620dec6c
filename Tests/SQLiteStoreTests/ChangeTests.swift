import Inventory
import SQLiteStore
import Testing

@Suite("Changes")
struct ChangeTests {
  @Test("two readers get each transaction once and in order")
  func twoReaders() async throws {
    try await withStore { store in
      let first = try await store.changes(after: 1)
      let second = try await store.changes(after: 1)
      let guest = try instanceID(1)
      let created = try await store.put(try instance(1), try network("blue"))
      try await store.run(.setPassword(guest, Secret([7])))
      try await store.put(try network("blue"))
      try await store.run(.delete(id(1)))
      let records = created.outcomes.compactMap(\.current)
      let expected = [
        ChangeBatch(revision: 2, changes: records.map(Change.put)),
        ChangeBatch(revision: 3, changes: [.password(guest, Secret([7]))]),
        ChangeBatch(revision: 4, changes: [.deleted(id(1), project: nil)]),
      ]
      #expect(await first.first(3) == expected)
      #expect(await second.first(3) == expected)
    }
  }

  @Test("a replay gives what was missed, as it is now, and goes on live")
  func replay() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      let guest = try instanceID(1)
      try await store.put(try instance(1), try instance(2))
      try await store.put(try instance(1, host: "db"))
      try await store.run(.setPassword(guest, Secret([7])))
      try await store.run(.delete(id(2)))
      store.close()

      let reopened = try directory.open()
      defer { reopened.close() }
      let changes = try await reopened.changes(after: 1)
      let live = try await reopened.put(try instance(3))
      let now = try #require(try await reopened.record(id(1)))
      let third = try #require(live.outcomes.first?.current)
      #expect(
        await changes.first(5) == [
          ChangeBatch(revision: 2, changes: [.put(now), .deleted(id(2), project: nil)]),
          ChangeBatch(revision: 3, changes: [.put(now)]),
          ChangeBatch(revision: 4, changes: [.password(guest, Secret([7]))]),
          ChangeBatch(revision: 5, changes: [.deleted(id(2), project: nil)]),
          ChangeBatch(revision: 6, changes: [.put(third)]),
        ])
    }
  }

  @Test("from revision 0 a replay starts with the default network")
  func fromTheStart() async throws {
    try await withStore { store in
      let record = try #require(try await store.record(defaultNetwork))
      let batches = try await store.changes(after: 0).first(1)
      #expect(batches == [ChangeBatch(revision: 1, changes: [.put(record)])])
    }
  }

  @Test("a replaced instance loses its password in every copy")
  func replaced() async throws {
    try await withStore { store in
      try await store.put(try instance(1))
      try await store.run(.setPassword(try instanceID(1), Secret([1])))
      var catalog = Catalog(try await store.load())
      let live = try await store.changes(after: 3)
      try await store.run(.delete(id(1)), .put(try instance(1, host: "db")))
      for batch in await live.first(1) { catalog.apply(batch) }
      #expect(catalog.password(of: try instanceID(1)) == nil)
      #expect(catalog.record(id(1)) == (try await store.record(id(1))))
      let replayed = try await store.changes(after: 3).first(1)
      #expect(replayed.first?.changes.count == 2)
    }
  }

  @Test("dry runs, refusals and unchanged puts are not told")
  func silent() async throws {
    try await withStore { store in
      let changes = try await store.changes(after: 1)
      _ = try await store.commit([.put(try instance(1))], now: 1, dryRun: true)
      _ = try await store.refusal(of: .put(try instance(1)), .delete(id(9)))
      try await store.put(try network("default"))
      try await store.put(try instance(2))
      let batches = await changes.first(1)
      #expect(batches.map(\.revision) == [2])
      #expect(batches.first?.changes.count == 1)
    }
  }

  @Test("readers that join while others write miss nothing and get nothing twice")
  func race() async throws {
    try await withStore { store in
      let last: Revision = 61
      try await withThrowingTaskGroup(of: [Revision].self) { group in
        for number in 2...Int(last) {
          group.addTask {
            try await store.put(try instance(number))
            return []
          }
          if number % 5 == 0 {
            group.addTask {
              try await store.changes(after: 1).first(Int(last) - 1).map(\.revision)
            }
          }
        }
        for try await revisions in group where !revisions.isEmpty {
          #expect(revisions == Array(2...last))
        }
      }
    }
  }

  @Test("a reader who stops does not disturb the others")
  func stopped() async throws {
    try await withStore { store in
      let staying = try await store.changes(after: 1)
      let leaving = try await store.changes(after: 1)
      let reader = Task { await leaving.first(.max) }
      reader.cancel()
      #expect(await reader.value.isEmpty)
      try await store.put(try instance(1))
      #expect(await staying.first(1).map(\.revision) == [2])
    }
  }

  @Test("closing the store ends the streams")
  func closing() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      let changes = try await store.changes(after: 0)
      store.close()
      #expect(await changes.first(.max).map(\.revision) == [1])
    }
  }

  @Test("a reader ahead of the store is told to start over")
  func ahead() async throws {
    try await withStore { store in
      for revision in [2, 1000, Revision.max] {
        await #expect(throws: StoreError.compacted(oldest: 1)) {
          try await store.changes(after: revision)
        }
      }
    }
  }

  @Test("the log keeps its last 100,000 changes, by whole transactions")
  func pruned() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      // Revisions 2 to 11 with 10,000 changes each; with the first there are 100,001.
      try directory.execute(
        """
        WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 99999)
        INSERT INTO change (revision, kind, id, action)
          SELECT 2 + n / 10000, 'Instance', '\(uuid(1))', 'deleted' FROM number;
        UPDATE meta SET revision = 11;
        """)
      let store = try directory.open()
      defer { store.close() }
      #expect(try await store.changes(after: 0).first(1).map(\.revision) == [1])
      try await store.put(try instance(1))
      await #expect(throws: StoreError.compacted(oldest: 3)) {
        try await store.changes(after: 1)
      }
      #expect(try await store.changes(after: 2).first(1).map(\.revision) == [3])
      #expect(try await store.changes(after: 2).first(10).map(\.revision) == Array(3...12))
    }
  }

  @Test(
    "a catalogue that follows the changes equals the store", arguments: 1...4 as ClosedRange<UInt64>
  )
  func follows(seed: UInt64) async throws {
    try await withStore { store in
      var generator = SplitMix(state: seed)
      var catalog = Catalog(try await store.load())
      let changes = try await store.changes(after: 1)
      for _ in 0..<120 {
        let mutations = try (0..<Int.random(in: 1...4, using: &generator)).map { _ in
          try mutation(&generator)
        }
        let dry = try? await store.commit(mutations, now: 1, dryRun: true)
        let wet = try? await store.commit(mutations, now: 1, dryRun: false)
        #expect(dry?.outcomes.map(\.current) == wet?.outcomes.map(\.current))
        #expect(dry?.revision == wet?.revision)
      }
      let snapshot = try await store.load()
      for batch in await changes.first(Int(snapshot.revision) - 1) { catalog.apply(batch) }
      var replayed = Catalog()
      let missed = try await store.changes(after: 0).first(Int(snapshot.revision))
      for batch in missed { replayed.apply(batch) }
      for copy in [catalog, replayed] {
        #expect(copy.revision == snapshot.revision)
        #expect(
          Set(ResourceKind.allCases.flatMap(copy.records)) == Set(snapshot.records))
        for number in 1...5 {
          let guest = try instanceID(number)
          #expect(copy.password(of: guest) == snapshot.passwords[guest])
        }
      }
    }
  }

  private func mutation(_ generator: inout SplitMix) throws -> Mutation {
    let number = Int.random(in: 1...5, using: &generator)
    let isBlue = Bool.random(using: &generator)
    switch Int.random(in: 0..<10, using: &generator) {
    case 0: return .delete(id(number))
    case 1: return .delete(ResourceID(kind: .network, text: "blue"))
    case 2: return .put(try network("blue", mtu: 1400 + number))
    case 3: return .setPassword(try instanceID(number), Secret([UInt8(number)]))
    case 4: return .clearPassword(try instanceID(number))
    default:
      let address = "10.0.0.\(Int.random(in: 1...4, using: &generator))"
      return .put(try instance(number, address, network: isBlue ? "blue" : "default"))
    }
  }
}

/// A generator whose sequence follows from its seed (Steele, Lea and Flood's SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

import Inventory
import SQLiteStore
import Testing

@Suite("What a commit does")
struct CommitTests {
  @Test("a new store holds the default network at revision 1")
  func newStore() async throws {
    try await withStore { store in
      let snapshot = try await store.load()
      #expect(snapshot.revision == 1)
      #expect(
        snapshot.records == [
          Record(resource: try network("default"), revision: 1, createdAtSeconds: 1000)
        ])
      #expect(snapshot.passwords.isEmpty)
    }
  }

  @Test("a put creates, then updates and keeps the time of creation, then changes nothing")
  func putThrice() async throws {
    try await withStore { store in
      let first = try instance(1, "10.0.0.1")
      let second = try instance(1, host: "db", "10.0.0.1")
      let created = try await store.run(.put(first), now: 2000)
      let before = Record(
        resource: first, revision: 2, createdAtSeconds: 2000, ec2InstanceID: "i-00000001")
      #expect(created.revision == 2)
      #expect(created.outcomes.map(\.action) == [.created])
      #expect(created.outcomes.first?.previous == nil)
      #expect(created.outcomes.first?.current == before)

      let updated = try await store.run(.put(second), now: 3000)
      let after = Record(
        resource: second, revision: 3, createdAtSeconds: 2000, ec2InstanceID: "i-00000001")
      #expect(updated.revision == 3)
      #expect(updated.outcomes.map(\.action) == [.updated])
      #expect(updated.outcomes.first?.previous == before)
      #expect(updated.outcomes.first?.current == after)

      let unchanged = try await store.run(.put(second), now: 4000)
      #expect(unchanged.revision == 3)
      #expect(unchanged.outcomes.map(\.action) == [.unchanged])
      #expect(unchanged.outcomes.first?.current == after)
      #expect(try await store.record(id(1)) == after)
      #expect(try await store.load().revision == 3)
    }
  }

  @Test("only what changed takes the transaction's revision")
  func partlyUnchanged() async throws {
    try await withStore { store in
      try await store.put(try instance(1))
      let result = try await store.put(try instance(1), try instance(2))
      #expect(result.revision == 3)
      #expect(result.outcomes.map(\.action) == [.unchanged, .created])
      #expect(result.outcomes.map(\.current?.revision) == [2, 3])
    }
  }

  @Test("a text that only looks the same is a change")
  func composition() async throws {
    try await withStore { store in
      try await store.put(try keyPair("k", key: "ssh-rsa AAAA caf\u{e9}"))
      let result = try await store.put(try keyPair("k", key: "ssh-rsa AAAA cafe\u{301}"))
      #expect(result.outcomes.map(\.action) == [.updated])
    }
  }

  @Test("a name is one name, however its accents are composed")
  func composedName() async throws {
    try await withStore { store in
      try await store.put(try keyPair("caf\u{e9}"))
      let again = try await store.put(try keyPair("cafe\u{301}"))
      #expect(again.outcomes.map(\.action) == [.updated])
      try await store.put(try instance(1, keys: ["cafe\u{301}"]))
      let key = try keyPair("cafe\u{301}").id
      #expect(
        try await store.refusal(of: .delete(key)) == .stillReferenced(index: 0, key, by: id(1)))
      #expect(try await store.load().records.count == 3)
    }
  }

  @Test("of two puts of one id the last wins")
  func putTwice() async throws {
    try await withStore { store in
      let last = try instance(1, host: "b", "10.0.0.2")
      let result = try await store.put(try instance(1, host: "a", "10.0.0.1"), last)
      #expect(result.outcomes.map(\.action) == [.created, .updated])
      #expect(result.outcomes.map(\.current?.ec2InstanceID) == ["i-00000001", "i-00000001"])
      #expect(result.outcomes.last?.previous == result.outcomes.first?.current)
      #expect(try await store.record(id(1))?.resource == last)
      #expect(try await store.refusal(of: .put(try instance(2, "10.0.0.1"))) == nil)
    }
  }

  @Test("a resource that is deleted and put in one commit is a new one")
  func replaced() async throws {
    try await withStore { store in
      let guest = try instanceID(1)
      try await store.put(try instance(1, "10.0.0.1"))
      try await store.run(.setPassword(guest, Secret([1])))
      let result = try await store.run(
        .delete(id(1)), .put(try instance(1, "10.0.0.1"), .absent), now: 5000)
      #expect(result.outcomes.map(\.action) == [.deleted, .created])
      #expect(result.outcomes.last?.current?.createdAtSeconds == 5000)
      #expect(result.outcomes.last?.current?.ec2InstanceID == "i-00000001")
      #expect(try await store.load().passwords.isEmpty)
    }
  }

  @Test("a resource that comes and goes in one commit leaves nothing")
  func comeAndGone() async throws {
    try await withStore { store in
      let result = try await store.run(.put(try instance(1, "10.0.0.1")), .delete(id(1)))
      #expect(result.outcomes.map(\.action) == [.created, .deleted])
      #expect(try await store.record(id(1)) == nil)
      #expect(try await store.refusal(of: .put(try instance(2, "10.0.0.1"))) == nil)
    }
  }

  @Test("a refused mutation undoes the whole commit")
  func allOrNothing() async throws {
    try await withStore { store in
      let refusal = try await store.refusal(of: .put(try instance(1)), .delete(id(9)))
      #expect(refusal == .notFound(index: 1, id(9)))
      #expect(try await store.load().revision == 1)
      #expect(try await store.load().records.count == 1)
    }
  }

  @Test("the default network can be changed, not deleted")
  func defaultNetworkStays() async throws {
    try await withStore { store in
      let changed = try await store.put(try network("default", mtu: 1500))
      #expect(changed.outcomes.map(\.action) == [.updated])
      #expect(changed.outcomes.first?.current?.createdAtSeconds == 1000)
      #expect(
        try await store.refusal(of: .put(try instance(1)), .delete(defaultNetwork))
          == .undeletable(index: 1, defaultNetwork))
    }
  }

  @Test("a deleted resource is gone with its claims, and deleting it again finds nothing")
  func deletion() async throws {
    try await withStore { store in
      try await store.put(try instance(1, "10.0.0.1"))
      let result = try await store.run(.delete(id(1)))
      #expect(result.outcomes.map(\.action) == [.deleted])
      #expect(result.outcomes.first?.previous?.resource == (try instance(1, "10.0.0.1")))
      #expect(result.outcomes.first?.current == nil)
      #expect(try await store.refusal(of: .delete(id(1))) == .notFound(index: 0, id(1)))
      #expect(try await store.refusal(of: .put(try instance(2, "10.0.0.1"))) == nil)
    }
  }

  struct Condition: Sendable {
    let condition: Precondition
    let holdsForAbsent: Bool
    let holdsForPresent: Bool
  }

  @Test(
    "a precondition holds or fails with the revision that stands",
    arguments: [
      Condition(condition: .none, holdsForAbsent: true, holdsForPresent: true),
      Condition(condition: .absent, holdsForAbsent: true, holdsForPresent: false),
      Condition(condition: .present, holdsForAbsent: false, holdsForPresent: true),
      Condition(condition: .revisions([2]), holdsForAbsent: false, holdsForPresent: true),
      Condition(condition: .revisions([7, 2]), holdsForAbsent: false, holdsForPresent: true),
      Condition(condition: .revisions([1, 3]), holdsForAbsent: false, holdsForPresent: false),
      Condition(condition: .revisions([]), holdsForAbsent: false, holdsForPresent: false),
    ])
  func precondition(_ row: Condition) async throws {
    try await withStore { store in
      try await store.put(try instance(1))
      let absent = try await store.refusal(of: .put(try instance(2), row.condition))
      #expect(
        absent
          == (row.holdsForAbsent ? nil : .preconditionFailed(index: 0, id(2), current: nil)))
      let failed = StoreError.preconditionFailed(index: 0, id(1), current: 2)
      // An unchanged put is held to its condition, too.
      let present = try await store.refusal(of: .put(try instance(1), row.condition))
      #expect(present == (row.holdsForPresent ? nil : failed))
      let deleted = try await store.refusal(of: .delete(id(1), row.condition))
      #expect(deleted == (row.holdsForPresent ? nil : failed))
    }
  }

  @Test("a dry run tells what would be and keeps nothing")
  func dryRun() async throws {
    try await withStore { store in
      let mutations = [
        Mutation.put(try instance(1, "10.0.0.1")), .put(try network("default")),
        .setPassword(try instanceID(1), Secret([1])),
      ]
      let dry = try await store.commit(mutations, now: 2000, dryRun: true)
      #expect(try await store.load().revision == 1)
      #expect(try await store.load().records.count == 1)
      #expect(try await store.load().passwords.isEmpty)
      let wet = try await store.commit(mutations, now: 2000, dryRun: false)
      #expect(dry.revision == wet.revision)
      #expect(dry.outcomes.map(\.action) == [.created, .unchanged, .updated])
      #expect(dry.outcomes.map(\.action) == wet.outcomes.map(\.action))
      #expect(dry.outcomes.map(\.current) == wet.outcomes.map(\.current))
      await #expect(throws: StoreError.self) {
        try await store.commit([.put(try instance(2, "10.0.0.1"))], now: 1, dryRun: true)
      }
    }
  }

  @Test("an empty commit changes nothing")
  func empty() async throws {
    try await withStore { store in
      let result = try await store.run()
      #expect(result.revision == 1)
      #expect(result.outcomes.isEmpty)
    }
  }

  @Test("a commit is carried to its end although the one who asked has gone")
  func cancelled() async throws {
    try await withStore { store in
      let asker = Task {
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        return try await store.put(try instance(1)).revision
      }
      let revision = try await asker.value
      let snapshot = try await store.load()
      #expect(revision == 2)
      #expect(snapshot.revision == 2)
    }
  }

  @Test("ten thousand instances go in at once and come out again")
  func tenThousand() async throws {
    try await withStore { store in
      let mutations = try (1...10_000).map { number in
        Mutation.put(
          try instance(number, name: "n\(number)", "10.1.\(number / 250).\(number % 250 + 1)"))
      }
      let result = try await store.commit(mutations, now: 1, dryRun: false)
      #expect(result.outcomes.allSatisfy { $0.action == .created })
      #expect(try await store.load().records.count == 10_001)
    }
  }
}

@Suite("Passwords")
struct PasswordTests {
  @Test("a password is set once, cleared, and set anew; the instance's revision stays")
  func setAndClear() async throws {
    try await withStore { store in
      let guest = try instanceID(1)
      try await store.put(try instance(1))
      let set = try await store.run(.setPassword(guest, Secret([1, 0, 255])))
      #expect(set.revision == 3)
      #expect(set.outcomes.map(\.action) == [.updated])
      #expect(set.outcomes.first?.current?.revision == 2)
      #expect(try await store.load().passwords == [guest: Secret([1, 0, 255])])
      #expect(
        try await store.refusal(of: .setPassword(guest, Secret([2]))) == .passwordAlreadySet(guest))
      let cleared = try await store.run(.clearPassword(guest))
      #expect(cleared.outcomes.map(\.action) == [.updated])
      #expect(try await store.load().passwords.isEmpty)
      let again = try await store.run(.clearPassword(guest))
      #expect(again.outcomes.map(\.action) == [.unchanged])
      #expect(again.revision == cleared.revision)
      try await store.run(.setPassword(guest, Secret([2])))
      let renewed = try await store.run(.clearPassword(guest), .setPassword(guest, Secret([3])))
      #expect(renewed.outcomes.map(\.action) == [.updated, .updated])
      #expect(try await store.load().passwords == [guest: Secret([3])])
    }
  }

  @Test("an unknown instance has no password to set or clear")
  func unknown() async throws {
    try await withStore { store in
      let guest = try instanceID(1)
      #expect(
        try await store.refusal(of: .setPassword(guest, Secret([1]))) == .notFound(index: 0, id(1)))
      #expect(try await store.refusal(of: .clearPassword(guest)) == .notFound(index: 0, id(1)))
      #expect(
        try await store.refusal(of: .put(try instance(1)), .setPassword(guest, Secret([1]))) == nil)
    }
  }

  @Test("a password survives an update and goes with its instance")
  func lifetime() async throws {
    try await withStore { store in
      let guest = try instanceID(1)
      try await store.put(try instance(1))
      try await store.run(.setPassword(guest, Secret([1])))
      try await store.put(try instance(1, host: "db"))
      #expect(try await store.load().passwords.count == 1)
      try await store.run(.delete(id(1)))
      try await store.put(try instance(1))
      #expect(try await store.load().passwords.isEmpty)
    }
  }

  @Test("an instance that is replaced starts without the password of the one before")
  func replaced() async throws {
    try await withStore { store in
      let guest = try instanceID(1)
      try await store.put(try instance(1))
      try await store.run(.setPassword(guest, Secret([1])))
      try await store.run(
        .delete(id(1)), .put(try instance(1)), .setPassword(guest, Secret([2])))
      #expect(try await store.load().passwords == [guest: Secret([2])])
      try await store.run(
        .clearPassword(guest), .setPassword(guest, Secret([3])), .delete(id(1)),
        .put(try instance(1)))
      #expect(try await store.load().passwords.isEmpty)
    }
  }
}

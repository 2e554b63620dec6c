import Inventory
import SQLiteStore
import Testing

@Suite("Claims")
struct ClaimTests {
  @Test("a second claim of an address names its holder")
  func address() async throws {
    try await withStore { store in
      let second = try instance(2, "10.0.0.2", "10.0.0.1")
      try await store.put(try instance(1, "10.0.0.1"))
      let refusal = try await store.refusal(of: .put(try instance(3)), .put(second))
      guard case .claimed(1, let claim, id(2), holder: id(1)) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(claim.description == "the address 10.0.0.1 on network default")
    }
  }

  @Test("a second claim of a name names its holder")
  func name() async throws {
    try await withStore { store in
      let second = try instance(2, name: "web")
      try await store.put(try instance(1, name: "web"))
      let claim = try second.claim(.name)
      #expect(
        try await store.refusal(of: .put(second))
          == .claimed(index: 0, claim, by: id(2), holder: id(1)))
      // A key pair's name is another kind's.
      #expect(try await store.refusal(of: .put(try keyPair("web"))) == nil)
    }
  }

  @Test("two claimants in one commit: the later is to blame")
  func withinCommit() async throws {
    try await withStore { store in
      let second = try instance(2, "10.0.0.1")
      let claim = try second.claim(.address)
      #expect(
        try await store.refusal(of: .put(try instance(1, "10.0.0.1")), .put(second))
          == .claimed(index: 1, claim, by: id(2), holder: id(1)))
    }
  }

  @Test("one who keeps what it has is never to blame")
  func keeper() async throws {
    try await withStore { store in
      let second = try instance(2, "10.0.0.1")
      try await store.put(try instance(1, "10.0.0.1"))
      let claim = try second.claim(.address)
      #expect(
        try await store.refusal(of: .put(second), .put(try instance(1, host: "db", "10.0.0.1")))
          == .claimed(index: 0, claim, by: id(2), holder: id(1)))
    }
  }

  @Test("an address is claimed on its network only")
  func networks() async throws {
    try await withStore { store in
      let result = try await store.put(
        try network("blue"), try instance(1, "10.0.0.1"),
        try instance(2, "10.0.0.1", network: "blue"))
      #expect(result.outcomes.map(\.action) == [.created, .created, .created])
    }
  }

  @Test("two instances swap addresses in one commit")
  func swap() async throws {
    try await withStore { store in
      try await store.put(
        try instance(1, name: "a", "10.0.0.1"), try instance(2, name: "b", "10.0.0.2"))
      let result = try await store.put(
        try instance(1, name: "b", "10.0.0.2"), try instance(2, name: "a", "10.0.0.1"))
      #expect(result.outcomes.map(\.action) == [.updated, .updated])
      let third = try instance(3, "10.0.0.2")
      #expect(
        try await store.refusal(of: .put(third))
          == .claimed(index: 0, try third.claim(.address), by: id(3), holder: id(1)))
    }
  }

  @Test("an address passes from a deleted instance to a new one in either order")
  func handOver() async throws {
    try await withStore { store in
      try await store.put(try instance(1, "10.0.0.1"))
      try await store.run(.delete(id(1)), .put(try instance(2, "10.0.0.1")))
      try await store.run(.put(try instance(3, "10.0.0.1")), .delete(id(2)))
      #expect(try await store.load().records.map(\.resource.id).contains(id(3)))
    }
  }

  @Test("an address that an update gives up is free")
  func givenUp() async throws {
    try await withStore { store in
      try await store.put(try instance(1, "10.0.0.1"))
      try await store.put(try instance(1, "10.0.0.2"))
      #expect(try await store.refusal(of: .put(try instance(2, "10.0.0.1"))) == nil)
    }
  }
}

@Suite("EC2 instance ids")
struct EC2InstanceIDTests {
  /// Three instances whose UUIDs share their last 16 digits; the first two differ in the 17th.
  private static func id(_ number: Int, _ prefix: Int) -> ResourceID {
    ResourceID(kind: .instance, text: uuid(number, prefix: prefix))
  }

  @Test("UUIDs that share their last 8 digits get the longer form, and keep it")
  func collision() async throws {
    try await withStateDirectory { directory in
      let far = ResourceID(
        kind: .instance, text: "00000000-0000-4000-9000-000000000001")
      let other = try Resource(reading: [
        "kind": "Instance", "id": .string(far.text), "hostname": "web",
      ])
      let store = try directory.open()
      try await store.put(try instance(1), other)
      #expect(try await store.record(SQLiteStoreTests.id(1))?.ec2InstanceID == "i-00000001")
      #expect(try await store.record(far)?.ec2InstanceID == "i-09000000000000001")
      // The short one is free now; who has an id keeps it.
      try await store.run(.delete(SQLiteStoreTests.id(1)))
      let changed = try Resource(reading: [
        "kind": "Instance", "id": .string(far.text), "hostname": "db",
      ])
      let result = try await store.put(changed)
      #expect(result.outcomes.first?.current?.ec2InstanceID == "i-09000000000000001")
      store.close()
      let reopened = try directory.open()
      defer { reopened.close() }
      #expect(try await reopened.record(far)?.ec2InstanceID == "i-09000000000000001")
      let back = try await reopened.put(try instance(1))
      #expect(back.outcomes.first?.current?.ec2InstanceID == "i-00000001")
    }
  }

  @Test("an instance all of whose ids are others' is refused")
  func exhausted() async throws {
    try await withStore { store in
      // The 17 digits of all three are the same: they differ only before them.
      try await store.put(
        try instance(1, prefix: 1), try instance(9, ec2: "i-08000000000000001"))
      let claimant = EC2InstanceIDTests.id(1, 2)
      #expect(
        try await store.refusal(of: .put(try instance(1, prefix: 2)))
          == .claimed(
            index: 0, .ec2InstanceID("i-00000001"), by: claimant,
            holder: EC2InstanceIDTests.id(1, 1)))
    }
  }

  @Test("a declared id is used as it is")
  func declared() async throws {
    try await withStore { store in
      let result = try await store.put(try instance(1, ec2: "i-12345678"))
      #expect(result.outcomes.first?.current?.ec2InstanceID == "i-12345678")
      // It keeps the id when it declares none any more.
      let undeclared = try await store.put(try instance(1))
      #expect(undeclared.outcomes.first?.current?.ec2InstanceID == "i-12345678")
      let renamed = try await store.put(try instance(1, ec2: "i-87654321"))
      #expect(renamed.outcomes.first?.current?.ec2InstanceID == "i-87654321")
      #expect(try await store.refusal(of: .put(try instance(2, ec2: "i-12345678"))) == nil)
    }
  }

  @Test("declaring the id that was derived for another is a conflict that names it")
  func declaredDerived() async throws {
    try await withStore { store in
      try await store.put(try instance(1))
      #expect(
        try await store.refusal(of: .put(try instance(2, ec2: "i-00000001")))
          == .claimed(
            index: 0, .ec2InstanceID("i-00000001"), by: SQLiteStoreTests.id(2),
            holder: SQLiteStoreTests.id(1)))
    }
  }

  @Test("a derived id steps aside for one that is declared in the same commit")
  func declaredBeside() async throws {
    try await withStore { store in
      let result = try await store.put(try instance(1), try instance(2, ec2: "i-00000001"))
      #expect(
        result.outcomes.map(\.current?.ec2InstanceID) == ["i-08000000000000001", "i-00000001"])
      #expect(
        try await store.record(SQLiteStoreTests.id(1))?.ec2InstanceID == "i-08000000000000001")
    }
  }

  @Test("declared ids can be swapped")
  func swap() async throws {
    try await withStore { store in
      try await store.put(
        try instance(1, ec2: "i-aaaaaaaa"), try instance(2, ec2: "i-bbbbbbbb"))
      let result = try await store.put(
        try instance(1, ec2: "i-bbbbbbbb"), try instance(2, ec2: "i-aaaaaaaa"))
      #expect(result.outcomes.map(\.current?.ec2InstanceID) == ["i-bbbbbbbb", "i-aaaaaaaa"])
    }
  }
}

@Suite("References")
struct ReferenceTests {
  private let blue = ResourceID(kind: .network, text: "blue")
  private let key = ResourceID(kind: .keyPair, text: "k")

  @Test("an instance cannot refer to what does not exist")
  func missing() async throws {
    try await withStore { store async throws in
      #expect(
        try await store.refusal(
          of: .put(try instance(1)), .put(try instance(2, "10.0.0.1", network: "blue")))
          == .missingReference(index: 1, from: id(2), to: blue))
      #expect(
        try await store.refusal(of: .put(try instance(2, keys: ["k"])))
          == .missingReference(index: 0, from: id(2), to: key))
    }
  }

  @Test("what an instance refers to may come after it in the same commit")
  func later() async throws {
    try await withStore { store in
      let result = try await store.put(
        try instance(1, "10.0.0.1", network: "blue", keys: ["k"]), try network("blue"),
        try keyPair("k"))
      #expect(result.outcomes.map(\.action) == [.created, .created, .created])
    }
  }

  @Test("what is referred to cannot go")
  func stillReferenced() async throws {
    try await withStore { store in
      try await store.put(
        try network("blue"), try keyPair("k"),
        try instance(1, "10.0.0.1", network: "blue", keys: ["k"]))
      #expect(
        try await store.refusal(of: .delete(blue)) == .stillReferenced(index: 0, blue, by: id(1)))
      #expect(
        try await store.refusal(of: .put(try instance(2)), .delete(key))
          == .stillReferenced(index: 1, key, by: id(1)))
      // The reference goes with the change or the end of the one who refers.
      #expect(
        try await store.refusal(
          of: .delete(key), .put(try instance(1, "10.0.0.1", network: "blue")))
          == nil)
      #expect(try await store.refusal(of: .delete(blue), .delete(id(1))) == nil)
    }
  }

  @Test("of a removal and a use in one commit the later is to blame")
  func blame() async throws {
    try await withStore { store in
      try await store.put(try network("blue"))
      let user = Mutation.put(try instance(1, "10.0.0.1", network: "blue"))
      #expect(
        try await store.refusal(of: .delete(blue), user)
          == .missingReference(index: 1, from: id(1), to: blue))
      #expect(
        try await store.refusal(of: user, .delete(blue))
          == .stillReferenced(index: 1, blue, by: id(1)))
    }
  }

  @Test("a network that is replaced in one commit keeps its instances")
  func replaced() async throws {
    try await withStore { store in
      try await store.put(try network("blue"), try instance(1, "10.0.0.1", network: "blue"))
      let result = try await store.run(.delete(blue), .put(try network("blue", mtu: 1400)))
      #expect(result.outcomes.map(\.action) == [.deleted, .created])
      #expect(
        try await store.refusal(of: .delete(blue)) == .stillReferenced(index: 0, blue, by: id(1)))
    }
  }
}

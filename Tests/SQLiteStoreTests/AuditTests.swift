import Foundation
import GRDB
import Inventory
import Testing

@testable import SQLiteStore

@Suite("The audit log")
struct AuditTests {
  let alice = WriteContext(Author(.token, "alice", peer: "192.0.2.9 port 7"), "apply")

  @Test("each mutation that changes something has a line with both revisions; no other has one")
  func lines() async throws {
    try await withStore { store in
      let first = try instance(1, "10.0.0.1")
      _ = try await store.commit(
        [.put(first), .put(try network("a"))], by: alice, now: 5, dryRun: false)
      _ = try await store.commit([.put(first)], by: alice, now: 6, dryRun: false)
      _ = try await store.commit(
        [.put(try instance(1, "10.0.0.2"))], by: alice, now: 7, dryRun: true)
      _ = try await store.commit(
        [.put(try instance(1, "10.0.0.2"))], by: alice, now: 8, dryRun: false)
      _ = try await store.commit(
        [.setPassword(try instanceID(1), Secret(Array("SECRET".utf8)))],
        by: WriteContext(Author(.guest, uuid(1)), "postPassword"), now: 9, dryRun: false)
      _ = try await store.commit([.delete(id(1))], by: alice, now: 10, dryRun: false)
      let lines = try await store.entries(AuditQuery(limit: 100))
      #expect(lines.map(\.outcome) == [.created, .created, .updated, .updated, .deleted])
      #expect(lines.map(\.before) == [nil, nil, 2, 3, 3])
      #expect(lines.map(\.after) == [2, 2, 3, 4, 5])
      #expect(lines.map(\.atSeconds) == [5, 5, 8, 9, 10])
      #expect(lines.map(\.author.kind) == [.token, .token, .token, .guest, .token])
      #expect(lines.first?.author == alice.author)
      #expect(lines.map(\.position) == [1, 2, 3, 4, 5])
      #expect(try await store.entries(AuditQuery(after: 3, limit: 1)).map(\.position) == [4])
      #expect(try await store.entries(AuditQuery(limit: 2)).map(\.position) == [4, 5])
      let about = AuditQuery(limit: 9, subject: .init(kind: "Network", id: "a"))
      #expect(try await store.entries(about).map(\.position) == [2])
    }
  }

  @Test("a commit that fails leaves no line, and what is noted as refused is kept")
  func refused() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      _ = try? await store.commit(
        [.put(try instance(1)), .delete(id(9))], by: alice, now: 1, dryRun: false)
      #expect(try await store.entries(AuditQuery(limit: 9)).isEmpty)
      let entry = AuditEntry(
        atSeconds: 3, author: alice.author, operation: "putResource", subject: .init(id(1)),
        outcome: .refused(reason: "forbidden"))
      try await store.note(refused: entry)
      store.close()
      let again = try directory.open()
      defer { again.close() }
      #expect(try await again.entries(AuditQuery(limit: 9)).map(\.outcome) == [entry.outcome])
    }
  }

  @Test("the oldest lines go at the bound, and refused ones do not push out others")
  func bound() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      let fill = { (isRefused: Int, count: Int) in
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(count))
        INSERT INTO audit (isRefused, number, atSeconds, authorKind, author, operation, outcome)
        SELECT \(isRefused), i, 1, 'daemon', 'test', 'fill', 'created' FROM n
        """
      }
      try directory.execute(fill(0, Limits.maximumAuditEntries))
      try directory.execute(fill(1, Limits.maximumAuditRefusals))
      let store = try directory.open()
      let refusal = AuditEntry(
        atSeconds: 3, author: alice.author, operation: "apply", subject: nil,
        outcome: .refused(reason: "invalid"))
      for _ in 0..<3 { try await store.note(refused: refusal) }
      _ = try await store.commit([.put(try instance(1))], by: alice, now: 1, dryRun: false)
      store.close()
      let queue = try DatabaseQueue(path: directory.database)
      let counts = try await queue.read { db in
        try [0, 1].map { kind in
          try Int.fetchOne(db, sql: "SELECT count(*) FROM audit WHERE isRefused = \(kind)")
        }
      }
      let oldest = try await queue.read { db in
        try Int.fetchOne(db, sql: "SELECT min(number) FROM audit WHERE isRefused = 0")
      }
      try queue.close()
      #expect(counts == [Limits.maximumAuditEntries, Limits.maximumAuditRefusals])
      #expect(oldest == 2)
    }
  }

  @Test("a store without access and audit gets their tables and keeps what it has")
  func migration() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      try await store.put(try instance(1, "10.0.0.1"))
      store.close()
      try directory.execute(
        """
        DROP TABLE access; DROP TABLE audit; ALTER TABLE change DROP COLUMN project;
        DELETE FROM grdb_migrations WHERE identifier = 'access and audit'
        """)
      let again = try directory.open()
      defer { again.close() }
      #expect(try await again.record(id(1)) != nil)
      #expect(try await again.entries(AuditQuery(limit: 9)).isEmpty)
      #expect(try await again.changes(after: 0).first(2).count == 2)
    }
  }
}

@Suite("Access")
struct AccessTests {
  let root = WriteContext(Author(.user, "0"), "createAccess")

  func entry(_ name: String, _ proof: AccessEntry.Proof) -> AccessEntry {
    AccessEntry(
      name: name, role: .operator, project: "p1", proof: proof, createdAtSeconds: 5,
      expiresAtSeconds: 9)
  }

  @Test("what was given is there after a restart, and is in the audit log")
  func kept() async throws {
    try await withStateDirectory { directory in
      let token = entry("a", .token(sha256: Array(repeating: 7, count: 32)))
      let certificate = entry("b", .certificate(subject: "CN:b"))
      let store = try directory.open()
      try await store.grant(token, by: root)
      try await store.grant(certificate, by: root)
      store.close()
      let again = try directory.open()
      defer { again.close() }
      #expect(try await again.access() == [token, certificate])
      try await again.revoke("a", by: root, now: 8)
      #expect(try await again.access() == [certificate])
      let lines = try await again.entries(AuditQuery(limit: 9))
      #expect(lines.map(\.subject) == [.access("a"), .access("b"), .access("a")])
      #expect(lines.map(\.outcome) == [.created, .created, .deleted])
    }
  }

  @Test("a name, a token and a certificate are given once; what is not there is not revoked")
  func once() async throws {
    try await withStore { store in
      let hash = AccessEntry.Proof.token(sha256: [1])
      try await store.grant(entry("a", hash), by: root)
      try await store.grant(entry("b", .certificate(subject: "CN:b")), by: root)
      for again in [
        entry("a", .token(sha256: [2])), entry("c", hash),
        entry("c", .certificate(subject: "CN:b")),
      ] {
        await #expect(throws: StoreError.self) { try await store.grant(again, by: root) }
      }
      await #expect(throws: StoreError.accessMissing("c")) {
        try await store.revoke("c", by: root, now: 1)
      }
      #expect(try await store.entries(AuditQuery(limit: 9)).count == 2)
    }
  }
}

@Suite("A writer of one project")
struct StoreScopeTests {
  let scoped = WriteContext(Author(.token, "t"), "apply", scope: "p1")

  func resource(_ number: Int, _ project: String?, network: String? = nil) throws -> Resource {
    try Resource(reading: [
      "kind": "Instance", "id": .string(uuid(number)), "hostname": "h",
      "project": JSONValue(project),
      "interfaces": network.map { [["network": .string($0), "address": "10.0.0.1"]] } ?? .null,
    ])
  }

  @Test("the stored record's project counts, and the document's, whatever is asked of either")
  func judged() async throws {
    try await withStore { store in
      let foreign = try resource(1, "p2")
      let nobodys = try resource(2, nil)
      let net = try Resource(reading: ["kind": "Network", "id": "n2", "project": "p2"])
      try await store.put(foreign, nobodys, net, try resource(3, "p1"))
      let before = try await store.load()
      let refused = { (mutation: Mutation) -> StoreError? in
        do throws(StoreError) {
          _ = try await store.commit([mutation], by: scoped, now: 1, dryRun: false)
          return nil
        } catch { return error }
      }
      for number in [1, 2] {
        let foreign = StoreError.foreign(index: 0, id(number))
        for condition in [Precondition.none, .present, .absent, .revisions([2])] {
          #expect(await refused(.put(try resource(number, "p1"), condition)) == foreign)
          #expect(await refused(.delete(id(number), condition)) == foreign)
        }
        #expect(await refused(.clearPassword(try instanceID(number))) == foreign)
      }
      for project in ["p2", nil] {
        let outside = StoreError.outOfScope(index: 0, id(4), scope: "p1")
        #expect(await refused(.put(try resource(4, project))) == outside)
        let own = StoreError.outOfScope(index: 0, id(3), scope: "p1")
        #expect(await refused(.put(try resource(3, project))) == own)
      }
      let plugged = StoreError.missingReference(index: 0, from: id(4), to: net.id)
      #expect(await refused(.put(try resource(4, "p1", network: "n2"))) == plugged)
      #expect(try await store.load().records == before.records)
      #expect(await refused(.put(try resource(4, "p1", network: "default"))) == nil)
      #expect(await refused(.delete(id(3))) == nil)
    }
  }

  @Test("a resource that moves to another project leaves its password behind")
  func moves() async throws {
    try await withStore { store in
      try await store.put(try resource(1, "p1"))
      try await store.run(.setPassword(try instanceID(1), Secret([1])))
      let moved = try await store.put(try resource(1, "p2"))
      #expect(try await store.load().passwords.isEmpty)
      let live = try await store.changes(after: moved.revision - 1).first(1)
      let record = try #require(try await store.record(id(1)))
      #expect(live.first?.changes == [.deleted(id(1), project: "p1"), .put(record)])
    }
  }
}

import Foundation
import GRDB
import Inventory
import Synchronization
import Testing

@testable import SQLiteStore

/// A database that is too large to be checked before it is used.
@Suite("A database that is checked while it is used", .timeLimit(.minutes(1)))
struct SoundnessTests {
  @Test("where it is sound, writes succeed once that is known; reads and keys do not wait for it")
  func sound() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      let store = try directory.openUnchecked()
      defer { store.close() }
      #expect(store.isUnchecked)
      #expect(try await store.load().records.count == 3)
      try await store.changeTokenKeys(adding: try Self.key(1), dropping: [])
      #expect(try await Self.write(50, to: store) == Array(repeating: nil, count: 50))
      #expect(!store.isUnchecked && store.problem == nil)
      #expect(try await store.load().records.count == 53)
    }
  }

  @Test("where it is damaged, none of the writes is carried out that came before it was known")
  func damaged() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      try directory.damageIndex()
      let store = try directory.openUnchecked()
      defer { store.close() }
      #expect(try await store.load().records.count == 3)
      let before = try await store.revision()
      for refusal in try await Self.write(50, to: store) {
        guard case .corrupt = refusal else {
          Issue.record("\(String(describing: refusal))")
          continue
        }
      }
      #expect(try await store.revision() == before)
    }
  }

  @Test("damage is for good: refused, told with what to do, and the file left as it is")
  func final() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      try directory.damageIndex()
      let file = directory.bytes
      let store = try directory.openUnchecked()
      let told = Told()
      await #expect(throws: StoreError.self) { try await store.checkPages() }
      // Who asks late hears it too.
      store.reportProblems { told.note($0) }
      guard case .corrupt(let text) = store.problem else {
        Issue.record("\(String(describing: store.problem))")
        return
      }
      #expect(text.hasPrefix("\(directory.database) is damaged (") && !text.contains("\n"))
      #expect(text.contains("stop the daemon, nameplate backup restore nameplate-000001-r3.sqlite"))
      #expect(text.contains("save it first (nameplate list KIND --output yaml, while"))
      let damage = StoreError.corrupt(text)
      #expect(try await store.refusal(of: .put(try instance(9))) == damage)
      await #expect(throws: damage) { try await store.revoke("a", by: testContext, now: 1) }
      await #expect(throws: damage) {
        try await store.changeTokenKeys(adding: try Self.key(2), dropping: [])
      }
      await #expect(throws: damage) {
        try await StoreBackups(stateDirectory: directory.path).make(of: store)
      }
      // A look does not take it for well again, nor does another check.
      #expect(await store.check() == damage)
      await #expect(throws: StoreError.self) { try await store.checkPages() }
      #expect(told.all == [damage])
      #expect(try await store.load().records.count == 3)
      store.close()
      #expect(directory.bytes == file)
      // What it says to do is what helps.
      _ = try StoreBackups(stateDirectory: directory.path).restore("nameplate-000001-r3.sqlite")
      let restored = try directory.open()
      defer { restored.close() }
      try await restored.put(try instance(9))
    }
  }

  @Test("a write that stumbles over damage is told what to do, and ends all writes")
  func stumbled() async throws {
    try await withStateDirectory { directory in
      let store = try await Self.openWithDamagedPasswords(directory)
      defer { store.close() }
      try await store.put(try instance(9))
      let refusal = try await store.refusal(of: .setPassword(try instanceID(1), Secret([1])))
      guard case .corrupt(let text) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(text.contains("save it first (nameplate list KIND --output yaml, while"), "\(text)")
      #expect(text.contains("stop the daemon, nameplate backup restore"), "\(text)")
      #expect(try await store.refusal(of: .put(try instance(10))) == refusal)
      #expect(await store.check() == refusal)
    }
  }

  @Test("a reading that stumbles over damage is told what to do, and ends all writes")
  func stumbledReading() async throws {
    try await withStateDirectory { directory in
      let store = try await Self.openWithDamagedPasswords(directory)
      defer { store.close() }
      _ = try await store.load()
      await #expect(throws: StoreError.self) {
        try await store.excerpt(for: .v4(0x0A00_0001), on: nil)
      }
      guard case .corrupt(let text) = store.problem else {
        Issue.record("\(String(describing: store.problem))")
        return
      }
      #expect(text.contains("save it first (nameplate list KIND --output yaml, while"), "\(text)")
      #expect(try await store.refusal(of: .put(try instance(9))) == .corrupt(text))
      #expect(await store.check() == .corrupt(text))
    }
  }

  @Test("the backups are looked through once for a damage, whoever stumbles over it")
  func toldOnce() async throws {
    try await withStateDirectory { directory in
      let store = try await Self.openWithDamagedPasswords(directory)
      defer { store.close() }
      _ = try await store.load()
      let told = await #expect(throws: StoreError.self) {
        try await store.excerpt(for: .v4(0x0A00_0001), on: nil)
      }
      #expect(told?.description.contains("The newest sound backup is ") == true)
      // Whoever looked again would find none.
      try FileManager.default.removeItem(atPath: directory.backups)
      for _ in 0..<2 {
        await #expect(throws: try #require(told)) {
          try await store.excerpt(for: .v4(0x0A00_0001), on: nil)
        }
      }
      #expect(store.problem == told)
    }
  }

  @Test("what stumbles over damage and is no commit ends all writes as well")
  func stumbledAccess() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      try directory.damageIndex("sqlite_autoindex_access_1")
      let store = try directory.openUnchecked()
      defer { store.close() }
      store.soundness.settle(nil)
      let refusal = await #expect(throws: StoreError.self) {
        try await store.revoke("a", by: testContext, now: 1)
      }
      guard case .corrupt(let text) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(text.contains("save it first"), "\(text)")
      #expect(try await store.refusal(of: .put(try instance(9))) == refusal)
    }
  }

  @Test("a backup that shows damage is not kept, is told what to do, and ends all writes")
  func stumbledBackup() async throws {
    try await withStateDirectory { directory in
      let store = try await Self.openWithDamagedPasswords(directory)
      defer { store.close() }
      let backups = StoreBackups(stateDirectory: directory.path)
      let before = backups.all
      let refusal = await #expect(throws: StoreError.self) { try await backups.make(of: store) }
      guard case .corrupt(let text) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(text.contains("stop the daemon, nameplate backup restore"), "\(text)")
      #expect(try await store.refusal(of: .put(try instance(9))) == refusal)
      #expect(backups.all == before)
    }
  }

  @Test(
    "of writes that come at once, none is carried out after one that stumbles over damage",
    arguments: [
      [["good", "bad", "good"]], [["bad"], ["good"]], [["bad", "bad"], ["good", "good"]],
      [["good", "unreadable", "good"]],
    ])
  func atOnce(_ groups: [[String]]) async throws {
    try await withStateDirectory { directory in
      let store = try await Self.openWithDamagedPasswords(directory)
      defer { store.close() }
      let before = try await store.revision()
      let told = Told()
      try await store.pool.write { db in
        try db.execute(sql: "UPDATE resource SET document = '{' WHERE id = ?", arguments: [uuid(2)])
      }
      let mutations = [
        "good": Mutation.put(try instance(9)),
        "bad": .setPassword(try instanceID(1), Secret([1])),
        "unreadable": .put(try instance(2)),
      ]
      let jobs = try groups.map { group in
        try group.map { word in
          CommitQueue.Job(
            mutations: [try #require(mutations[word])], context: testContext, now: 1, dryRun: false
          ) { told.note($0) }
        }
      }
      try await store.pool.writeWithoutTransaction { db in
        for jobs in jobs {
          GroupCommit(db: db, failure: store.failure, soundness: store.soundness)
            .run(jobs) { _ in Issue.record("it was written") }
        }
      }
      #expect(told.all.count == groups.joined().count)
      for refusal in told.all {
        guard case .corrupt = refusal else {
          Issue.record("\(String(describing: refusal))")
          continue
        }
      }
      #expect(try await store.revision() == before)
    }
  }

  @Test("a store in trouble is not taken for well by a write before it is known to be sound")
  func look() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      let store = try directory.openUnchecked()
      defer { store.close() }
      let files = FileManager.default
      try files.moveItem(atPath: directory.database, toPath: directory.database + ".away")
      await #expect(throws: StoreError.self) { try await store.revision() }
      try files.moveItem(atPath: directory.database + ".away", toPath: directory.database)
      #expect(await store.check() != nil)
      try await store.checkPages()
      #expect(await store.check() == nil)
    }
  }

  @Test("a new version's tables are written into a database only once it is known to be sound")
  func upgrade() async throws {
    try await withStateDirectory { directory in
      try await Self.fill(directory)
      try directory.execute(
        "DELETE FROM grdb_migrations WHERE identifier = 'access and audit'")
      try directory.damageIndex()
      let file = directory.bytes
      let refusal = #expect(throws: StoreError.self) { try directory.openUnchecked() }
      guard case .corrupt = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(directory.bytes == file)
    }
  }

  @Test("who waits to write hears when the store is closed")
  func closed() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      let store = try directory.openUnchecked()
      async let refusal = store.refusal(of: .put(try instance(1)))
      store.close()
      let closed = store.failure.closed
      #expect(try await refusal == closed)
      // Nobody has written on the way there.
      #expect(throws: closed) { try store.soundness.check() }
    }
  }

  // MARK: Parts

  /// Two instances, and a backup from when there were as many.
  private static func fill(_ directory: StateDirectory) async throws {
    let store = try directory.open()
    try await store.put(try instance(1, "10.0.0.1"))
    try await store.put(try instance(2, "10.0.0.2"))
    _ = try await StoreBackups(stateDirectory: directory.path).make(of: store)
    store.close()
  }

  /// Opens it, filled, as one that was damaged since it was found sound: a write of a password shows it.
  private static func openWithDamagedPasswords(_ directory: StateDirectory) async throws
    -> SQLiteStore
  {
    try await fill(directory)
    try directory.damageIndex("sqlite_autoindex_password_1")
    let store = try directory.openUnchecked()
    store.soundness.settle(nil)
    return store
  }

  private static func key(_ id: UInt64) throws -> TokenKey {
    let secret = Secret([UInt8](repeating: 7, count: TokenKey.secretBytes))
    return try #require(TokenKey(id: id, secret: secret, createdAtSeconds: 1))
  }

  /// Begins so many writes, and then the check.
  /// - Returns: What each was refused with.
  private static func write(_ count: Int, to store: SQLiteStore) async throws -> [StoreError?] {
    try await withThrowingTaskGroup(of: StoreError?.self) { group in
      for number in 0..<count {
        group.addTask { try await store.refusal(of: .put(try instance(100 + number))) }
      }
      for _ in 0..<count { await Task.yield() }
      try? await store.checkPages()
      var refusals: [StoreError?] = []
      for try await refusal in group { refusals.append(refusal) }
      return refusals
    }
  }

  private final class Told: Sendable {
    private let errors = Mutex<[StoreError?]>([])
    var all: [StoreError?] { errors.withLock { $0 } }
    func note(_ error: StoreError?) { errors.withLock { $0.append(error) } }
    func note(_ result: Result<CommitResult, StoreError>) {
      if case .failure(let error) = result { note(error) } else { note(nil) }
    }
  }
}

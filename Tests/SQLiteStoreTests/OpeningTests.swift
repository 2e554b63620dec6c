import Foundation
import GRDB
import Inventory
import SQLiteStore
import Testing

@Suite("Opening a store")
struct OpeningTests {
  @Test("reopening keeps everything")
  func reopen() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      try await store.put(
        try network("blue", mtu: 1400), try keyPair("k"),
        try instance(1, name: "ü", "10.0.0.1", "fe80::1", network: "blue", keys: ["k"]))
      try await store.run(.setPassword(try instanceID(1), Secret([0, 1])))
      let before = try await store.load()
      store.close()
      let reopened = try directory.open(now: 9000)
      defer { reopened.close() }
      let after = try await reopened.load()
      #expect(after.revision == before.revision)
      #expect(after.records == before.records)
      #expect(after.passwords == before.passwords)
      let claimant = try instance(2, "fe80::1", network: "blue")
      #expect(
        try await reopened.refusal(of: .put(claimant))
          == .claimed(index: 0, try claimant.claim(.address), by: id(2), holder: id(1)))
    }
  }

  @Test("the directory and its files are the owner's alone")
  func modes() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      try await store.put(try instance(1))
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
      #expect(Set(files).isSuperset(of: ["lock", "nameplate.sqlite", "nameplate.sqlite-wal"]))
      for (path, mode) in [(directory.path, 0o700)]
        + files.map({ ("\(directory.path)/\($0)", 0o600) })
      {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
      }
    }
  }

  @Test("a second opener is refused until the first has closed")
  func secondOpener() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      let refusal = #expect(throws: StoreError.self) { try directory.open() }
      #expect(
        refusal
          == .unavailable(
            "The state directory \(directory.path) is in use by another daemon; "
              + "stop that one, or give this one a directory of its own"))
      try await store.put(try instance(1))
      store.close()
      try directory.open().close()
    }
  }

  @Test("a closed store says that it is unavailable")
  func closed() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      store.close()
      store.close()
      let sentence = "\(directory.database) is closed: the daemon is shutting down"
      await #expect(throws: StoreError.unavailable(sentence)) { try await store.load() }
      await #expect(throws: StoreError.unavailable(sentence)) {
        try await store.put(try instance(1))
      }
      await #expect(throws: StoreError.unavailable(sentence)) {
        try await store.changes(after: 1)
      }
    }
  }

  @Test("a path that cannot be a directory is refused with the path")
  func noDirectory() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      let path = directory.database + "/below"
      let refusal = #expect(throws: StoreError.self) { try SQLiteStore(directory: path, now: 0) }
      guard case .unavailable(let text) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(text.hasPrefix("The state directory \(path) cannot be created"))
    }
  }

  @Test("an empty file, as after a crash at the first start, is filled")
  func emptyFile() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      try Data().write(to: URL(fileURLWithPath: directory.database))
      let store = try directory.open()
      defer { store.close() }
      #expect(try await store.load().records.count == 1)
    }
  }

  enum Damage: String, CaseIterable {
    case notADatabase
    case truncated
    case overwritten
    case foreign
    case newer
  }

  @Test("a file that is no sound store is refused and left as it is", arguments: Damage.allCases)
  func damaged(_ damage: Damage) async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      _ = try await store.commit(
        try (1...200).map { .put(try instance($0, name: "n\($0)")) }, now: 1, dryRun: false)
      store.close()
      try apply(damage, directory)
      let before = directory.bytes
      let refusal = #expect(throws: StoreError.self) { try directory.open() }
      guard case .corrupt(let text) = refusal else {
        Issue.record("\(String(describing: refusal))")
        return
      }
      #expect(text.hasPrefix(directory.database))
      #expect(text.contains("It is left as it is"))
      #expect(text.contains("backup"))
      #expect(directory.bytes == before)
      // The refusal has let go of the directory.
      try FileManager.default.removeItem(atPath: directory.database)
      try directory.open().close()
    }
  }

  private func apply(_ damage: Damage, _ directory: StateDirectory) throws {
    let url = URL(fileURLWithPath: directory.database)
    switch damage {
    case .notADatabase: try Data("This is a letter, no database.\n".utf8).write(to: url)
    case .truncated:
      let data = try Data(contentsOf: url)
      try data.prefix(data.count / 2).write(to: url)
    case .overwritten:
      var data = try Data(contentsOf: url)
      data.replaceSubrange(4096..<(data.count - 4096), with: Data(count: data.count - 8192))
      try data.write(to: url)
    case .foreign:
      try FileManager.default.removeItem(at: url)
      try directory.execute("CREATE TABLE song (title TEXT)")
    case .newer:
      try directory.execute("INSERT INTO grdb_migrations VALUES ('songs')")
    }
  }

  @Test(
    "a record that cannot be read is told with its name and the file",
    arguments: [
      "document = '{'", "document = '{\"kind\": \"Instance\"}'", "document = x'00'",
      "document = '{\"kind\": \"Network\", \"id\": \"default\"}'",
      "revision = 'many'", "createdAtSeconds = 'early'", "kind = 'Song'",
    ])
  func unreadable(_ assignment: String) async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      try await store.put(try instance(1))
      store.close()
      try directory.execute(
        "PRAGMA foreign_keys = OFF; UPDATE resource SET \(assignment) WHERE kind = 'Instance'")
      let reopened = try directory.open()
      defer { reopened.close() }
      do {
        _ = try await reopened.load()
        Issue.record("It was read.")
      } catch {
        guard case .corrupt(let text) = error as? StoreError else {
          Issue.record("\(error)")
          return
        }
        #expect(text.hasPrefix(directory.database))
        if assignment.hasPrefix("document = '") { #expect(text.contains(id(1).description)) }
      }
    }
  }

  @Test("the schema itself refuses a broken reference and a second claim")
  func schema() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      try await store.put(try instance(1, "10.0.0.1"))
      store.close()
      for sql in [
        "DELETE FROM resource WHERE kind = 'Network'",
        "INSERT INTO reference VALUES ('Instance', '\(uuid(1))', 'KeyPair', 'none')",
        "INSERT INTO password (instanceID, text) VALUES ('\(uuid(2))', x'00')",
        "INSERT INTO claim SELECT space, key, 'Instance', '\(uuid(1))' FROM claim",
      ] {
        let error = #expect(throws: DatabaseError.self) { try directory.execute(sql) }
        #expect(error?.resultCode == .SQLITE_CONSTRAINT, "\(sql)")
      }
    }
  }

  @Test("a backup is a store of its own, and overwrites nothing")
  func backup() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      try await store.put(try instance(1, "10.0.0.1"))
      let copy = StateDirectory(path: directory.path + "/copy")
      try FileManager.default.createDirectory(
        atPath: copy.path, withIntermediateDirectories: false)
      try await store.backup(to: copy.database)
      let mode = try FileManager.default.attributesOfItem(atPath: copy.database)
      #expect(mode[.posixPermissions] as? Int == 0o600)
      try await store.put(try instance(2))
      let restored = try copy.open()
      #expect(try await restored.load().revision == 2)
      restored.close()
      await #expect(throws: StoreError.self) { try await store.backup(to: copy.database) }
      try copy.open().close()
    }
  }
}

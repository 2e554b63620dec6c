import Foundation
import Inventory
import Testing

@testable import SQLiteStore

@Suite("Backups of a store")
struct BackupTests {
  @Test("a backup has its name once it is whole; the newest are kept, whatever the clock said")
  func makeAndPrune() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      let backups = StoreBackups(stateDirectory: directory.path)
      for number in 1...4 {
        try await store.put(try instance(number))
        let made = try await backups.make(of: store)
        #expect(made.revision == UInt64(number) + 1)
        // A clock that goes back a year with each backup.
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1e9 - Double(number) * 3e7)],
          ofItemAtPath: made.path)
        backups.prune(keeping: 2)
        #expect(backups.all.first?.name == made.name)
      }
      #expect(backups.all.map(\.revision) == [5, 4])
      let files = try FileManager.default.contentsOfDirectory(atPath: directory.backups)
      #expect(Set(files) == Set(backups.all.map(\.name)), "nothing else is left there")
      for path in [directory.backups] + backups.all.map(\.path) {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(
          attributes[.posixPermissions] as? Int == (path == directory.backups ? 0o700 : 0o600))
      }
    }
  }

  @Test("what a killed backup has left is no backup, and goes with the next start")
  func partial() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      try FileManager.default.createDirectory(
        atPath: directory.backups, withIntermediateDirectories: false)
      let partial = directory.backups + "/.partial-x"
      try Data("half".utf8).write(to: URL(fileURLWithPath: partial))
      #expect(StoreBackups(stateDirectory: directory.path).all.isEmpty)
      try directory.open().close()
      #expect(!FileManager.default.fileExists(atPath: partial))
    }
  }

  @Test("a damaged store is refused with the newest sound backup, its revision and the command")
  func refusal() async throws {
    try await withStateDirectory { directory in
      let names = try await withTwoBackups(directory)
      try directory.overwrite(directory.database, with: 0xA5)
      #expect { try directory.open() } throws: { isCorrupt($0, naming: names[1], revision: 3) }
      try directory.overwrite("\(directory.backups)/\(names[1])", with: 0xA5)
      #expect { try directory.open() } throws: { isCorrupt($0, naming: names[0], revision: 2) }
      try directory.overwrite("\(directory.backups)/\(names[0])", with: 0xA5)
      let refusal = #expect(throws: StoreError.self) { try directory.open() }
      #expect(refusal?.description.contains("There is no sound backup") == true)
    }
  }

  @Test(
    "a store that is missing or empty while there are backups is not made anew",
    arguments: [true, false])
  func missing(isRemoved: Bool) async throws {
    try await withStateDirectory { directory in
      let names = try await withTwoBackups(directory)
      try FileManager.default.removeItem(atPath: directory.database)
      if !isRemoved { try Data().write(to: URL(fileURLWithPath: directory.database)) }
      #expect { try directory.open() } throws: { isCorrupt($0, naming: names[1], revision: 3) }
      _ = try StoreBackups(stateDirectory: directory.path).restore(names[1])
      let store = try directory.open()
      defer { store.close() }
      #expect(try await store.load().revision == 3)
    }
  }

  @Test("a restored backup takes over whole, and what was there is kept, its journal too")
  func restore() async throws {
    try await withStateDirectory { directory in
      let names = try await withTwoBackups(directory)
      let backups = StoreBackups(stateDirectory: directory.path)
      // A journal that belongs to the damaged file.
      let journal = directory.database + "-wal"
      try Data("journal".utf8).write(to: URL(fileURLWithPath: journal))
      try directory.overwrite(directory.database, with: 0)
      let damaged = directory.bytes
      let (revision, before) = try backups.restore(names[0])
      #expect(revision == 2)
      let kept = try #require(before)
      #expect(FileManager.default.contents(atPath: kept) == damaged)
      #expect(FileManager.default.contents(atPath: kept + "-wal") == Data("journal".utf8))
      #expect(!FileManager.default.fileExists(atPath: journal))
      let store = try directory.open()
      #expect(try await store.load().records.count == 2)
      #expect(throws: StoreError.self, "a daemon has the directory") {
        try backups.restore(names[0])
      }
      store.close()
      let elsewhere = try backups.restore("\(directory.backups)/\(names[1])")
      #expect(elsewhere.revision == 3)
      try directory.overwrite("\(directory.backups)/\(names[0])", with: 0)
      let refusal = #expect(throws: StoreError.self) { try backups.restore(names[0]) }
      #expect(refusal?.description.contains("is not sound") == true)
      #expect(try await directory.open().load().revision == 3)
    }
  }

  @Test("what is left of a store that is gone does not get into the backup that takes its place")
  func remains() async throws {
    try await withStateDirectory { directory in
      let names = try await withTwoBackups(directory)
      let store = try directory.open()
      try await store.put(try instance(3))
      // As a daemon leaves it that is killed.
      let journal = try #require(FileManager.default.contents(atPath: directory.database + "-wal"))
      store.close()
      for suffix in ["-wal", "-journal"] {
        for left in StoreDirectory.suffixes {
          try? FileManager.default.removeItem(atPath: directory.database + left)
        }
        try journal.write(to: URL(fileURLWithPath: directory.database + suffix))
        let before = try StoreBackups(stateDirectory: directory.path).restore(names[0]).before
        #expect(before.flatMap { FileManager.default.contents(atPath: $0) } == journal)
        let restored = try directory.open()
        #expect(try await restored.load().revision == 2)
        restored.close()
      }
    }
  }

  @Test("a file that is moved away or replaced takes no writes, and takes them again in its place")
  func moved() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      try await store.put(try instance(1))
      for suffix in ["", "-wal"] {
        let path = directory.database + suffix
        for replacement in [nil, Data("another file".utf8)] {
          try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
          if let replacement { try replacement.write(to: URL(fileURLWithPath: path)) }
          let refusal = try await store.refusal(of: .put(try instance(2)))
          #expect(refusal?.description.hasPrefix(path) == true, "\(String(describing: refusal))")
          #expect(await store.check() == refusal)
          #expect(store.problem == refusal)
          if replacement != nil { try FileManager.default.removeItem(atPath: path) }
          try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
          #expect(await store.check() == nil)
          #expect(store.problem == nil)
        }
      }
      #expect(try await store.put(try instance(2)).revision == 3)
    }
  }

  /// Two backups, of the revisions 2 and 3; their names in that order. The store is closed.
  private func withTwoBackups(_ directory: StateDirectory) async throws -> [String] {
    let store = try directory.open()
    defer { store.close() }
    let backups = StoreBackups(stateDirectory: directory.path)
    var names: [String] = []
    for number in 1...2 {
      try await store.put(try instance(number))
      names.append(try await backups.make(of: store).name)
    }
    return names
  }

  private func isCorrupt(_ error: any Error, naming name: String, revision: Int) -> Bool {
    guard case .corrupt(let text) = error as? StoreError else { return false }
    return text.contains("nameplate backup restore \(name) ") && text.contains("left as it is")
      && text.contains("at revision \(revision);") && text.contains("seconds ago")
  }
}

extension StateDirectory {
  var backups: String { path + "/backups" }

  /// Overwrites a file's first pages.
  func overwrite(_ path: String, with byte: UInt8) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    let count = min(8192, data.count)
    data.replaceSubrange(0..<count, with: Data(repeating: byte, count: count))
    try data.write(to: URL(fileURLWithPath: path))
  }
}

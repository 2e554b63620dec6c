import Foundation
import GRDB

/// A store's database, as whoever has its file can use it.
struct StoreFile {
  let path: String

  init(_ path: String) { self.path = path }

  /// That of a daemon.
  init(of daemon: DaemonProcess) { path = "\(daemon.folder)/state/nameplate.sqlite" }

  func execute(_ sql: String) throws {
    try using { db in try db.execute(sql: sql) }
  }

  /// SQLite's verdict: `ok`, or what is wrong.
  func integrity() throws -> String {
    try using { db in try String.fetchOne(db, sql: "PRAGMA integrity_check") ?? "" }
  }

  /// The ids of all networks; none where there is no table of ours.
  func networks() throws -> [String] {
    try using { db in
      guard try db.tableExists("resource") else { return [] }
      return try String.fetchAll(db, sql: "SELECT id FROM resource WHERE kind = 'Network'")
    }
  }

  private func using<Value>(_ body: (Database) throws -> Value) throws -> Value {
    let queue = try DatabaseQueue(path: path)
    defer { try? queue.close() }
    return try queue.writeWithoutTransaction(body)
  }

  /// Makes it larger than what is checked before it is used, with a hole that belongs to no page.
  func grow() throws {
    guard unsafe truncate(path, 300 * 1024 * 1024) == 0 else { throw CocoaError(.fileWriteUnknown) }
  }

  /// Overwrites an index that no record is read or written with.
  func damageIndex() throws {
    let (page, bytes) = try using { db in
      (
        try Int.fetchOne(
          db, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_access_2'"
        ),
        try Int.fetchOne(db, sql: "PRAGMA page_size")
      )
    }
    guard let page, let bytes, let file = FileHandle(forUpdatingAtPath: path) else {
      throw CocoaError(.fileReadUnknown)
    }
    try file.seek(toOffset: UInt64((page - 1) * bytes))
    try file.write(contentsOf: Data(count: bytes))
    try file.close()
  }
}

/// Somebody who has begun to write to a database and does not end.
struct LockHolder {
  private let queue: DatabaseQueue

  init(_ file: StoreFile) throws {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    queue = try DatabaseQueue(path: file.path, configuration: configuration)
    try queue.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
  }

  func letGo() throws {
    try queue.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
    try queue.close()
  }
}

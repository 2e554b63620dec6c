internal import Foundation
internal import GRDB
public import Inventory

/// The table `access`.
struct AccessTable {
  let db: Database

  func all() throws -> [AccessEntry] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT name, role, project, tokenHash, certificateSubject, createdAtSeconds,
          expiresAtSeconds FROM access ORDER BY name
        """)
    var entries: [AccessEntry] = []
    while let row = try rows.next() { entries.append(try AccessTable.read(row)) }
    return entries
  }

  /// - Returns: Whether neither the name nor the proof was taken.
  func insert(_ entry: AccessEntry) throws -> Bool {
    var hash: Data?
    var subject: String?
    switch entry.proof {
    case .token(let sha256): hash = Data(sha256)
    case .certificate(let name): subject = name
    }
    try db.execute(
      sql: """
        INSERT INTO access (name, role, project, tokenHash, certificateSubject, createdAtSeconds,
          expiresAtSeconds)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
      arguments: [
        entry.name, entry.role.rawValue, entry.project, hash, subject, entry.createdAtSeconds,
        entry.expiresAtSeconds,
      ])
    return db.changesCount == 1
  }

  /// - Returns: Whether it was there.
  func remove(_ name: String) throws -> Bool {
    try db.execute(sql: "DELETE FROM access WHERE name = ?", arguments: [name])
    return db.changesCount == 1
  }

  func count() throws -> Int { try Int.fetchOne(db, sql: "SELECT count(*) FROM access") ?? 0 }

  private static func read(_ row: Row) throws -> AccessEntry {
    let proof: AccessEntry.Proof
    if let hash = Data.fromDatabaseValue(row[3]) {
      proof = .token(sha256: Array(hash))
    } else {
      proof = .certificate(subject: try row.read(4))
    }
    guard let role = Role(rawValue: try row.read(1)) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "an access has no known role")
    }
    return AccessEntry(
      name: try row.read(0), role: role, project: String.fromDatabaseValue(row[2]), proof: proof,
      createdAtSeconds: try row.read(5), expiresAtSeconds: Int.fromDatabaseValue(row[6]))
  }
}

extension SQLiteStore: AccessStore {
  public func access() async throws(StoreError) -> [AccessEntry] {
    try await read { db in try AccessTable(db: db).all() }
  }

  public func grant(_ entry: AccessEntry, by context: WriteContext) async throws(StoreError) {
    try await write { db in
      let table = AccessTable(db: db)
      guard try table.count() < Limits.maximumAccessEntries else {
        throw StoreError.accessExists(
          "there are \(Limits.maximumAccessEntries) accesses already; revoke some first")
      }
      guard try table.insert(entry) else {
        throw StoreError.accessExists(
          "'\(entry.name)', or another access for the same certificate, is there already; "
            + "revoke it first")
      }
      try AuditTable(db: db).append([
        AuditEntry(
          atSeconds: entry.createdAtSeconds, author: context.author,
          operation: context.operation, subject: .access(entry.name), outcome: .created)
      ])
    }
  }

  public func revoke(_ name: String, by context: WriteContext, now: Int)
    async throws(StoreError)
  {
    try await write { db in
      guard try AccessTable(db: db).remove(name) else { throw StoreError.accessMissing(name) }
      try AuditTable(db: db).append([
        AuditEntry(
          atSeconds: now, author: context.author, operation: context.operation,
          subject: .access(name), outcome: .deleted)
      ])
    }
  }
}

internal import GRDB
public import Inventory

/// The table `audit`.
struct AuditTable {
  let db: Database

  /// Adds lines, and forgets the oldest beyond what is kept.
  func append(_ entries: [AuditEntry]) throws {
    let statement = try db.cachedStatement(
      sql: """
        INSERT INTO audit (isRefused, number, atSeconds, authorKind, author, peer, operation, kind,
          id, outcome, before, after)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    for (isRefused, entries) in Dictionary(grouping: entries, by: \.isRefused) {
      var number = try last(isRefused)
      for entry in entries {
        number += 1
        let author = entry.author
        try statement.execute(arguments: [
          isRefused, number, entry.atSeconds, author.kind.rawValue, author.name, author.peer,
          entry.operation, entry.subject?.kind, entry.subject?.id, entry.outcome.text,
          entry.before, entry.after,
        ])
      }
      let kept = isRefused ? Limits.maximumAuditRefusals : Limits.maximumAuditEntries
      try db.cachedStatement(sql: "DELETE FROM audit WHERE isRefused = ? AND number <= ?")
        .execute(arguments: [isRefused, number - Int64(kept)])
    }
  }

  private func last(_ isRefused: Bool) throws -> Int64 {
    try Int64.fetchOne(
      db.cachedStatement(sql: "SELECT max(number) FROM audit WHERE isRefused = ?"),
      arguments: [isRefused]) ?? 0
  }

  /// Lines in the order of their places.
  func entries(_ query: AuditQuery) throws -> [AuditEntry] {
    var conditions = ["position > ?"]
    var arguments: StatementArguments = [query.after ?? 0]
    if let subject = query.subject {
      conditions.append("kind = ? AND id = ?")
      arguments += [subject.kind, subject.id]
    }
    arguments += [query.limit]
    let order = query.after == nil ? "DESC" : "ASC"
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT position, atSeconds, authorKind, author, peer, operation, kind, id, outcome, before,
          after FROM audit WHERE \(conditions.joined(separator: " AND "))
        ORDER BY position \(order) LIMIT ?
        """,
      arguments: arguments)
    var entries: [AuditEntry] = []
    while let row = try rows.next() { entries.append(try AuditTable.read(row)) }
    return query.after == nil ? entries.reversed() : entries
  }

  private static func read(_ row: Row) throws -> AuditEntry {
    guard let kind = Author.Kind(rawValue: try row.read(2)),
      let outcome = AuditEntry.Outcome(text: try row.read(8))
    else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a line of the audit log is broken")
    }
    var subject: AuditEntry.Subject?
    if let kind = String.fromDatabaseValue(row[6]), let id = String.fromDatabaseValue(row[7]) {
      subject = AuditEntry.Subject(kind: kind, id: id)
    }
    return AuditEntry(
      position: try row.read(0), atSeconds: try row.read(1),
      author: Author(kind, try row.read(3), peer: String.fromDatabaseValue(row[4])),
      operation: try row.read(5), subject: subject, outcome: outcome,
      before: Revision.fromDatabaseValue(row[9]), after: Revision.fromDatabaseValue(row[10]))
  }
}

extension AuditEntry {
  fileprivate var isRefused: Bool {
    if case .refused = outcome { true } else { false }
  }
}

extension SQLiteStore: AuditLog {
  public func note(refused entry: AuditEntry) async throws(StoreError) {
    try await write { db in try AuditTable(db: db).append([entry]) }
  }

  public func entries(_ query: AuditQuery) async throws(StoreError) -> [AuditEntry] {
    try await read { db in try AuditTable(db: db).entries(query) }
  }
}

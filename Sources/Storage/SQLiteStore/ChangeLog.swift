import Foundation
import GRDB
import Inventory

/// What transactions touched, kept for readers that come late.
enum ChangeLog {
  /// Rows that are kept: enough for a watcher that was away for a while.
  static let maximumRows = 100_000

  /// The transactions after a revision. A resource appears as it is now, in the last transaction
  /// that touched it: who takes all of them in order ends where the store is.
  static func replay(_ db: Database, after revision: Revision, _ file: String) throws
    -> [ChangeBatch]
  {
    let compacted =
      try Int64.fetchOne(db, sql: "SELECT compactedRevision FROM store") ?? 0
    guard revision >= Revision(clamping: compacted) else {
      throw StoreError.compacted(oldest: Revision(clamping: compacted))
    }
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT max(revision) AS revision, kind, id, isPassword FROM change
        WHERE revision > ? GROUP BY kind, id, isPassword ORDER BY max(number)
        """, arguments: [Int64(clamping: revision)])
    var batches: [ChangeBatch] = []
    for row in rows {
      let at: Int64 = row["revision"]
      let change = try change(db, row, file)
      if batches.last?.revision == Revision(clamping: at) {
        batches[batches.count - 1].changes.append(change)
      } else {
        batches.append(ChangeBatch(revision: Revision(clamping: at), changes: [change]))
      }
    }
    return batches
  }

  private static func change(_ db: Database, _ row: Row, _ file: String) throws -> Change {
    let kind: String = row["kind"]
    let id: String = row["id"]
    if row["isPassword"] == true, let instance = InstanceID(id) {
      let bytes = try Data.fetchOne(
        db, sql: "SELECT password FROM password WHERE instanceID = ?", arguments: [id])
      return .password(instance, bytes.map { Secret(Array($0)) })
    }
    let stored = try Row.fetchOne(
      db, sql: "SELECT * FROM resource WHERE kind = ? AND id = ?", arguments: [kind, id])
    if let stored { return .put(try StoredRecord(stored, file).record()) }
    guard let kind = ResourceKind(rawValue: kind) else {
      throw StoreError.corrupt("\(file): the change log holds the unknown kind '\(kind)'")
    }
    return .deleted(ResourceID(kind: kind, text: id))
  }

  static func append(_ db: Database, _ changes: [Change], at revision: Revision) throws {
    let insert = try db.cachedStatement(
      sql: "INSERT INTO change (revision, kind, id, isPassword) VALUES (?, ?, ?, ?)")
    for change in changes {
      let (id, isPassword) = subject(of: change)
      try insert.execute(
        arguments: [Int64(clamping: revision), id.kind.rawValue, id.text, isPassword])
    }
    try prune(db)
  }

  private static func prune(_ db: Database) throws {
    guard let last = try Int64.fetchOne(db, sql: "SELECT max(number) FROM change") else { return }
    let cut = last - Int64(maximumRows)
    guard cut > 0,
      let revision = try Int64.fetchOne(
        db, sql: "SELECT max(revision) FROM change WHERE number <= ?", arguments: [cut])
    else { return }
    // Whole transactions only: half of one would be a lie.
    try db.execute(sql: "DELETE FROM change WHERE revision <= ?", arguments: [revision])
    try db.execute(sql: "UPDATE store SET compactedRevision = ?", arguments: [revision])
  }

  private static func subject(of change: Change) -> (ResourceID, isPassword: Bool) {
    switch change {
    case .put(let record): (record.resource.id, false)
    case .deleted(let id): (id, false)
    case .password(let id, _): (ResourceID(kind: .instance, text: id.description), true)
    }
  }
}

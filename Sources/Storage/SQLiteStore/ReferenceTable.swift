internal import GRDB
internal import Inventory

/// The table `reference`.
struct ReferenceTable {
  let db: Database

  /// What some resources refer to.
  func targets(of ids: some Sequence<ResourceID>) throws -> [ResourceID: Set<ResourceID>] {
    var targets: [ResourceID: Set<ResourceID>] = [:]
    for (kind, list) in ids.listsByKind {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT fromKind, fromID, toKind, toID FROM reference
            WHERE fromKind = ? AND fromID IN (SELECT value FROM json_each(?))
            """),
        arguments: [kind.rawValue, list])
      while let row = try rows.next() {
        let from = try row.readID(kind: 0, id: 1)
        targets[from, default: []].insert(try row.readID(kind: 2, id: 3))
      }
    }
    return targets
  }

  /// One that refers to a resource; the first by its id, so that the same is named every time.
  func referrer(to id: ResourceID) throws -> ResourceID? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: """
          SELECT fromKind, fromID FROM reference WHERE toKind = ? AND toID = ?
          ORDER BY fromKind, fromID LIMIT 1
          """),
      arguments: [id.kind.rawValue, id.text.storeKey]
    )
    .map { try $0.readID(kind: 0, id: 1) }
  }

  func insert(from: ResourceID, to: ResourceID) throws {
    try db.cachedStatement(
      sql: "INSERT INTO reference (fromKind, fromID, toKind, toID) VALUES (?, ?, ?, ?)"
    )
    .execute(arguments: ReferenceTable.arguments(from, to))
  }

  func remove(from: ResourceID, to: ResourceID) throws {
    try db.cachedStatement(
      sql: """
        DELETE FROM reference WHERE fromKind = ? AND fromID = ? AND toKind = ? AND toID = ?
        """
    )
    .execute(arguments: ReferenceTable.arguments(from, to))
  }

  private static func arguments(_ from: ResourceID, _ to: ResourceID) -> StatementArguments {
    [from.kind.rawValue, from.text.storeKey, to.kind.rawValue, to.text.storeKey]
  }
}

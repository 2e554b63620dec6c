internal import Foundation
internal import GRDB
internal import Inventory

/// The table `change`: which resource each transaction touched, for readers that were away.
///
/// It holds no documents. A replay gives each record as it is now; the later batches that made it
/// so repeat it.
struct ChangeLog {
  let db: Database

  /// How many changes are remembered. A reader that was away for longer reads everything anew,
  /// which costs about as much as replaying so many.
  static let capacity: Int64 = 100_000

  private enum Action: String {
    case put
    case deleted
    case password
  }

  /// What a reader missed, as of one revision.
  struct Replay {
    let reached: Revision
    let batches: [ChangeBatch]
  }

  // MARK: Writing

  func append(_ changes: [Change], revision: Revision) throws {
    let statement = try db.cachedStatement(
      sql: "INSERT INTO change (revision, kind, id, action, project) VALUES (?, ?, ?, ?, ?)")
    for change in changes {
      let (id, action, project) = ChangeLog.entry(change)
      try statement.execute(arguments: [
        revision, id.kind.rawValue, id.text.storeKey, action.rawValue, project,
      ])
    }
    try prune(keeping: revision)
  }

  /// Forgets whole transactions, so that a replay never starts in the middle of one. One bound, so that
  /// SQLite looks at no row that stays.
  private func prune(keeping revision: Revision) throws {
    try db.cachedStatement(
      sql: """
        DELETE FROM change
        WHERE revision <= min(?, coalesce((
          SELECT revision FROM change WHERE position = (SELECT max(position) FROM change) - ?), 0))
        """
    )
    .execute(arguments: [Int64(clamping: revision) - 1, ChangeLog.capacity])
  }

  private static func entry(_ change: Change) -> (ResourceID, Action, project: String?) {
    switch change {
    case .put(let record): (record.resource.id, .put, record.resource.project)
    case .deleted(let id, let project): (id, .deleted, project)
    case .password(let id, _): (ResourceID(kind: .instance, text: id.description), .password, nil)
    }
  }

  // MARK: Reading

  func replay(after revision: Revision, _ failure: StoreFailure) throws -> Replay {
    let reached = try ResourceTable(db: db).revision()
    let first = try Int64.fetchOne(db, sql: "SELECT min(revision) FROM change")
    let oldest = first.flatMap { Revision(exactly: $0) } ?? reached + 1
    // A reader that is ahead of the store followed another one, as before a restored backup.
    guard revision <= reached, revision + 1 >= oldest else {
      throw StoreError.compacted(oldest: oldest)
    }
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT change.revision, change.kind, change.id, change.action,
          resource.kind, resource.id, resource.revision, resource.createdAtSeconds,
          resource.ec2InstanceID, resource.document, password.text, change.project
        FROM change
        LEFT JOIN resource ON resource.kind = change.kind AND resource.id = change.id
        LEFT JOIN password
          ON change.action = 'password' AND password.instanceID = change.id
        WHERE change.revision > ? ORDER BY change.position
        """,
      arguments: [revision])
    var reader = ReplayReader(failure: failure)
    while let row = try rows.next() { try reader.take(row) }
    return Replay(reached: reached, batches: reader.batches)
  }

  /// Puts the rows of a replay together.
  private struct ReplayReader {
    let failure: StoreFailure
    var batches: [ChangeBatch] = []
    private var records: [ResourceID: Record] = [:]

    init(failure: StoreFailure) { self.failure = failure }

    mutating func take(_ row: Row) throws {
      let revision: Revision = try row.read(0)
      let change = try change(row)
      if let last = batches.indices.last, batches[last].revision == revision {
        batches[last].changes.append(change)
      } else {
        batches.append(ChangeBatch(revision: revision, changes: [change]))
      }
    }

    private mutating func change(_ row: Row) throws -> Change {
      let id = try row.readID(kind: 1, id: 2)
      let word = try row.read(3, as: String.self)
      let isThere = !(row[4] as DatabaseValue).isNull
      switch Action(rawValue: word) {
      case .put where isThere:
        if let record = records[id] { return .put(record) }
        let record = try ResourceTable.read(row, offset: 4, failure).record
        records[id] = record
        return .put(record)
      case .password where isThere:
        let password = Data.fromDatabaseValue(row[10]).map { Secret(Array($0)) }
        return .password(try ResourceTable.readInstanceID(row, 2), password)
      case .put, .password, .deleted:
        return .deleted(id, project: String.fromDatabaseValue(row[11]))
      case nil:
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(word)' is no change")
      }
    }
  }
}

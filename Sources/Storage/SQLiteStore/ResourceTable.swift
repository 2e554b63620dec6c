internal import Foundation
internal import GRDB
internal import Inventory

/// GRDB has a type of that name, too.
typealias Record = Inventory.Record

/// A record with the text that it is stored as. Texts tell any two documents apart, byte for byte.
struct StoredRecord {
  var record: Record
  var document: String
}

/// The tables `meta`, `resource` and `password`.
struct ResourceTable {
  let db: Database

  /// The last transaction's revision.
  func revision() throws -> Revision {
    let statement = try db.cachedStatement(sql: "SELECT revision FROM meta WHERE id = 1")
    guard let value = try Int64.fetchOne(statement), (0..<Int64.max).contains(value) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the revision is missing")
    }
    return Revision(value)
  }

  func setRevision(_ revision: Revision) throws {
    try db.cachedStatement(sql: "UPDATE meta SET revision = ? WHERE id = 1")
      .execute(arguments: [revision])
  }

  /// Writes the revision that is there. SQLite leaves alone what would stay as it is, and has nothing to
  /// write then, so another one comes before it.
  func rewriteRevision() throws {
    let revision = try revision()
    try setRevision(revision + 1)
    try setRevision(revision)
  }

  // MARK: Resources

  private static let columns = "kind, id, revision, createdAtSeconds, ec2InstanceID, document"

  /// The first and the last row's number; the first is the larger one where there is no row.
  func extent() throws -> (first: Int64, last: Int64) {
    let first = try Int64.fetchOne(db, sql: "SELECT min(rowid) FROM resource")
    let last = try Int64.fetchOne(db, sql: "SELECT max(rowid) FROM resource")
    return (first ?? 1, last ?? 0)
  }

  func count() throws -> Int { try Int.fetchOne(db, sql: "SELECT count(*) FROM resource") ?? 0 }

  /// The records in some rows, as a catalogue takes them.
  func entries(in rows: ClosedRange<Int64>, _ failure: StoreFailure) throws -> [CatalogEntry] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: "SELECT \(ResourceTable.columns) FROM resource WHERE rowid BETWEEN ? AND ?"),
      arguments: [rows.lowerBound, rows.upperBound])
    var entries: [CatalogEntry] = []
    while let row = try rows.next() {
      entries.append(CatalogEntry(try ResourceTable.read(row, failure).record))
    }
    return entries
  }

  /// The ids of all networks.
  func networks() throws -> [NetworkID] {
    let rows = try Row.fetchCursor(
      db.cachedStatement(sql: "SELECT id FROM resource WHERE kind = ?"),
      arguments: [ResourceKind.network.rawValue])
    var networks: [NetworkID] = []
    while let row = try rows.next() {
      if let id = NetworkID(try row.read(0)) { networks.append(id) }
    }
    return networks
  }

  func records(_ ids: some Sequence<ResourceID>, _ failure: StoreFailure) throws
    -> [ResourceID: StoredRecord]
  {
    var found: [ResourceID: StoredRecord] = [:]
    for (kind, list) in ids.listsByKind {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT \(ResourceTable.columns) FROM resource
            WHERE kind = ? AND id IN (SELECT value FROM json_each(?))
            """),
        arguments: [kind.rawValue, list])
      while let row = try rows.next() {
        let stored = try ResourceTable.read(row, failure)
        found[stored.record.resource.id] = stored
      }
    }
    return found
  }

  /// Which of some resources there are.
  func existing(_ ids: some Sequence<ResourceID>) throws -> Set<ResourceID> {
    var found: Set<ResourceID> = []
    for (kind, list) in ids.listsByKind {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT kind, id FROM resource
            WHERE kind = ? AND id IN (SELECT value FROM json_each(?))
            """),
        arguments: [kind.rawValue, list])
      while let row = try rows.next() { found.insert(try row.readID(kind: 0, id: 1)) }
    }
    return found
  }

  /// The same, without those that a project may not refer to: another project's.
  /// - Parameter scope: The project; nil for whoever may refer to all.
  func existing(
    _ ids: Set<ResourceID>, reachableFrom scope: String?, _ failure: StoreFailure
  ) throws -> Set<ResourceID> {
    guard let scope else { return try existing(ids) }
    let found = try records(ids, failure).values.map(\.record.resource)
    return Set(found.filter { $0.isVisible(to: scope) }.map(\.id))
  }

  func write(_ record: Record, document: String) throws {
    let id = record.resource.id
    try db.cachedStatement(
      sql: """
        INSERT INTO resource (\(ResourceTable.columns)) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (kind, id) DO UPDATE SET
          revision = excluded.revision, createdAtSeconds = excluded.createdAtSeconds,
          ec2InstanceID = excluded.ec2InstanceID, document = excluded.document
        """
    )
    .execute(arguments: [
      id.kind.rawValue, id.text.storeKey, record.revision, record.createdAtSeconds,
      record.ec2InstanceID, document,
    ])
  }

  func setEC2InstanceID(_ ec2InstanceID: String, of id: ResourceID) throws {
    try db.cachedStatement(
      sql: "UPDATE resource SET ec2InstanceID = ? WHERE kind = ? AND id = ?"
    )
    .execute(arguments: [ec2InstanceID, id.kind.rawValue, id.text.storeKey])
  }

  /// Removes a resource and, by the schema, its claims, its references and its password.
  func remove(_ id: ResourceID) throws {
    try db.cachedStatement(sql: "DELETE FROM resource WHERE kind = ? AND id = ?")
      .execute(arguments: [id.kind.rawValue, id.text.storeKey])
  }

  /// Reads a record from ``columns``, which start at `offset`.
  static func read(_ row: Row, offset: Int = 0, _ failure: StoreFailure) throws -> StoredRecord {
    let id = try row.readID(kind: offset, id: offset + 1)
    let document = try row.read(offset + 5, as: String.self)
    let resource: Resource
    do {
      resource = try Resource(reading: JSONValue(parsing: document))
    } catch {
      throw failure.corrupt("holds \(id), whose document cannot be read (\(error))")
    }
    guard resource.id == id else {
      throw failure.corrupt("holds \(id), whose document is that of \(resource.id)")
    }
    let record = Record(
      resource: resource, revision: try row.read(offset + 2),
      createdAtSeconds: try row.read(offset + 3),
      ec2InstanceID: String.fromDatabaseValue(row[offset + 4]))
    return StoredRecord(record: record, document: document)
  }

  // MARK: Passwords

  func passwords() throws -> [InstanceID: Secret<[UInt8]>] {
    try ResourceTable.passwords(
      Row.fetchCursor(db, sql: "SELECT instanceID, text FROM password"))
  }

  /// The passwords of some instances.
  func passwords(of ids: some Sequence<InstanceID>) throws -> [InstanceID: Secret<[UInt8]>] {
    try ResourceTable.passwords(
      Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT instanceID, text FROM password
            WHERE instanceID IN (SELECT value FROM json_each(?))
            """),
        arguments: [JSONValue.array(ids.map { .string($0.description) }).text]))
  }

  private static func passwords(_ rows: RowCursor) throws -> [InstanceID: Secret<[UInt8]>] {
    var passwords: [InstanceID: Secret<[UInt8]>] = [:]
    while let row = try rows.next() {
      passwords[try ResourceTable.readInstanceID(row, 0)] =
        Secret(Array(try row.read(1, as: Data.self)))
    }
    return passwords
  }

  /// Which of some instances have a password.
  func passwordHolders(_ ids: some Sequence<InstanceID>) throws -> Set<InstanceID> {
    let list = JSONValue.array(ids.map { .string($0.description) }).text
    let rows = try Row.fetchCursor(
      db.cachedStatement(
        sql: """
          SELECT instanceID FROM password
          WHERE instanceID IN (SELECT value FROM json_each(?))
          """),
      arguments: [list])
    var holders: Set<InstanceID> = []
    while let row = try rows.next() { holders.insert(try ResourceTable.readInstanceID(row, 0)) }
    return holders
  }

  func setPassword(_ password: Secret<[UInt8]>?, of id: InstanceID) throws {
    if let password {
      try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO password (instanceID, text) VALUES (?, ?)"
      )
      .execute(arguments: [id.description, Data(password.revealed)])
    } else {
      try db.cachedStatement(sql: "DELETE FROM password WHERE instanceID = ?")
        .execute(arguments: [id.description])
    }
  }

  static func readInstanceID(_ row: Row, _ column: Int) throws -> InstanceID {
    let text = try row.read(column, as: String.self)
    guard let id = InstanceID(text) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(text)' is no instance's id")
    }
    return id
  }
}

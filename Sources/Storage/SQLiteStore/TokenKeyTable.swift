internal import Foundation
internal import GRDB
public import Inventory

extension SQLiteStore: TokenKeyStore {
  public func tokenKeys() async throws(StoreError) -> [TokenKey] {
    try await read { db in try TokenKeyTable(db: db).all() }
  }

  /// The catalogue's revision does not move: keys are nothing that an operator declares.
  public func changeTokenKeys(adding key: TokenKey?, dropping ids: [UInt64])
    async throws(StoreError)
  {
    // Without a key no guest has a session token, and guests are answered at once.
    try await write(waits: false) { db in
      let table = TokenKeyTable(db: db)
      for id in ids { try table.remove(id) }
      if let key { try table.add(key) }
    }
  }
}

/// The table `tokenKey`.
struct TokenKeyTable {
  let db: Database

  func all() throws -> [TokenKey] {
    var keys: [TokenKey] = []
    let rows = try Row.fetchCursor(db, sql: "SELECT id, secret, createdAtSeconds FROM tokenKey")
    while let row = try rows.next() {
      guard let id = UInt64(exactly: try row.read(0, as: Int64.self)),
        let key = TokenKey(
          id: id, secret: Secret(Array(try row.read(1, as: Data.self))),
          createdAtSeconds: try row.read(2))
      else {
        throw DatabaseError(
          resultCode: .SQLITE_CORRUPT, message: "a key of session tokens has the wrong size")
      }
      keys.append(key)
    }
    return keys
  }

  func add(_ key: TokenKey) throws {
    try db.execute(
      sql: "INSERT INTO tokenKey (id, secret, createdAtSeconds) VALUES (?, ?, ?)",
      arguments: [Int64(key.id), Data(key.secret.revealed), key.createdAtSeconds])
  }

  func remove(_ id: UInt64) throws {
    try db.execute(sql: "DELETE FROM tokenKey WHERE id = ?", arguments: [Int64(id)])
  }
}

internal import GRDB
internal import Inventory

/// The table `claim`.
struct ClaimTable {
  let db: Database

  /// A claim without the words that describe it, which are not stored.
  struct Key: Hashable {
    let space: String
    let key: String

    init(_ claim: Claim) {
      space = claim.space.rawValue
      key = claim.key
    }

    init(_ row: Row, space: Int, key: Int) throws {
      self.space = try row.read(space)
      self.key = try row.read(key)
    }
  }

  /// What some resources have claimed.
  func held(by ids: some Sequence<ResourceID>) throws -> [ResourceID: Set<Key>] {
    var held: [ResourceID: Set<Key>] = [:]
    for (kind, list) in ids.listsByKind {
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT holderKind, holderID, space, key FROM claim
            WHERE holderKind = ? AND holderID IN (SELECT value FROM json_each(?))
            """),
        arguments: [kind.rawValue, list])
      while let row = try rows.next() {
        let id = try row.readID(kind: 0, id: 1)
        held[id, default: []].insert(try Key(row, space: 2, key: 3))
      }
    }
    return held
  }

  func remove(_ key: Key) throws {
    try db.cachedStatement(sql: "DELETE FROM claim WHERE space = ? AND key = ?")
      .execute(arguments: [key.space, key.key.storeKey])
  }

  /// Claims something for a resource, unless somebody has it.
  /// - Returns: Whether it was free.
  func insert(_ key: Key, holder: ResourceID) throws -> Bool {
    try db.cachedStatement(
      sql: """
        INSERT INTO claim (space, key, holderKind, holderID) VALUES (?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """
    )
    .execute(arguments: [
      key.space, key.key.storeKey, holder.kind.rawValue, holder.text.storeKey,
    ])
    return db.changesCount == 1
  }

  /// Who has some claims, each once.
  func holders(of claims: [Claim]) throws -> [ResourceID] {
    let spaces = Dictionary(grouping: claims, by: \.space)
    var holders: Set<ResourceID> = []
    for (space, claims) in spaces {
      let list = JSONValue.array(claims.map { .string($0.key.storeKey) }).text
      let rows = try Row.fetchCursor(
        db.cachedStatement(
          sql: """
            SELECT holderKind, holderID FROM claim
            WHERE space = ? AND key IN (SELECT value FROM json_each(?))
            """),
        arguments: [space.rawValue, list])
      while let row = try rows.next() { holders.insert(try row.readID(kind: 0, id: 1)) }
    }
    return Array(holders)
  }

  func holder(of key: Key) throws -> ResourceID? {
    try Row.fetchOne(
      db.cachedStatement(
        sql: "SELECT holderKind, holderID FROM claim WHERE space = ? AND key = ?"),
      arguments: [key.space, key.key.storeKey]
    )
    .map { try $0.readID(kind: 0, id: 1) }
  }
}

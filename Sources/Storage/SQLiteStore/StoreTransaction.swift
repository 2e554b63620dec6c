import Foundation
import GRDB
import Inventory

/// Applies one commit's mutations within a database transaction.
///
/// Rows are written in the mutations' order; claims and references are judged once all are
/// written, so that addresses can be swapped and documents can come in any order.
struct StoreTransaction {
  private let db: Database
  private let now: Int
  private let file: String
  private let revision: Revision
  private let previousRevision: Revision
  private(set) var changes: [Change] = []
  private var written: [ResourceID: Written] = [:]
  private var order: [ResourceID] = []

  /// A resource that this commit wrote, and the mutation to blame for it.
  private struct Written {
    var index: Int
    var record: Inventory.Record?
  }

  init(_ db: Database, now: Int, file: String) throws {
    self.db = db
    self.now = now
    self.file = file
    previousRevision = try StoreTransaction.revision(db)
    revision = previousRevision &+ 1
  }

  static func revision(_ db: Database) throws -> Revision {
    Revision(clamping: try Int64.fetchOne(db, sql: "SELECT revision FROM store") ?? 0)
  }

  mutating func apply(_ mutations: [Mutation]) throws -> CommitResult {
    var outcomes: [CommitResult.Outcome] = []
    outcomes.reserveCapacity(mutations.count)
    for (index, mutation) in mutations.enumerated() {
      outcomes.append(try apply(mutation, index))
    }
    try settleClaims()
    try settleReferences()
    for index in outcomes.indices {
      // An instance's EC2 id is chosen while claims are settled.
      if let id = outcomes[index].current?.resource.id, let record = written[id]?.record,
        outcomes[index].action != .unchanged
      {
        outcomes[index].current = record
      }
    }
    let records = order.compactMap { id -> Change? in
      written[id].map { $0.record.map(Change.put) ?? .deleted(id) }
    }
    changes = records + changes
    guard !changes.isEmpty else {
      return CommitResult(revision: previousRevision, outcomes: outcomes)
    }
    try ChangeLog.append(db, changes, at: revision)
    try db.execute(sql: "UPDATE store SET revision = ?", arguments: [Int64(clamping: revision)])
    return CommitResult(revision: revision, outcomes: outcomes)
  }

  /// The record as it stands, earlier mutations of this commit included.
  func stored(_ id: ResourceID) throws -> Inventory.Record? {
    if let written = written[id] { return written.record }
    let select = try db.cachedStatement(
      sql: "SELECT * FROM resource WHERE kind = ? AND id = ?")
    return try Row.fetchOne(select, arguments: [id.kind.rawValue, id.text])
      .map { try StoredRecord($0, file).record() }
  }

  // MARK: Mutations

  private mutating func apply(_ mutation: Mutation, _ index: Int) throws -> CommitResult.Outcome {
    switch mutation {
    case .put(let resource, let condition): return try put(resource, condition, index)
    case .delete(let id, let condition): return try delete(id, condition, index)
    case .setPassword(let id, let password): return try set(password, of: id, index)
    case .clearPassword(let id): return try set(nil, of: id, index)
    }
  }

  private mutating func put(_ resource: Resource, _ condition: Precondition, _ index: Int) throws
    -> CommitResult.Outcome
  {
    let id = resource.id
    let previous = try stored(id)
    try check(condition, id, previous, index)
    if let previous, previous.resource == resource {
      return CommitResult.Outcome(action: .unchanged, previous: previous, current: previous)
    }
    let record = Inventory.Record(
      resource: resource, revision: revision,
      createdAtSeconds: previous?.createdAtSeconds ?? now,
      ec2InstanceID: resource.instance?.ec2.instanceID ?? previous?.ec2InstanceID)
    try write(record)
    note(id, Written(index: index, record: record))
    return CommitResult.Outcome(
      action: previous == nil ? .created : .updated, previous: previous, current: record)
  }

  private mutating func delete(_ id: ResourceID, _ condition: Precondition, _ index: Int) throws
    -> CommitResult.Outcome
  {
    guard let previous = try stored(id) else { throw StoreError.notFound(index: index, id) }
    try check(condition, id, previous, index)
    guard id != ResourceID(kind: .network, text: NetworkID.default.text) else {
      throw StoreError.undeletable(index: index, id)
    }
    try db.execute(
      sql: "DELETE FROM resource WHERE kind = ? AND id = ?",
      arguments: [id.kind.rawValue, id.text])
    if id.kind == .instance {
      try db.execute(sql: "DELETE FROM password WHERE instanceID = ?", arguments: [id.text])
    }
    note(id, Written(index: index, record: nil))
    return CommitResult.Outcome(action: .deleted, previous: previous, current: nil)
  }

  private mutating func set(_ password: Secret<[UInt8]>?, of id: InstanceID, _ index: Int) throws
    -> CommitResult.Outcome
  {
    let resource = ResourceID(kind: .instance, text: id.description)
    guard let record = try stored(resource) else {
      throw StoreError.notFound(index: index, resource)
    }
    let isSet =
      try Row.fetchOne(
        db, sql: "SELECT 1 FROM password WHERE instanceID = ?", arguments: [resource.text]) != nil
    if let password {
      guard !isSet else { throw StoreError.passwordAlreadySet(id) }
      try db.execute(
        sql: "INSERT INTO password VALUES (?, ?)",
        arguments: [resource.text, Data(password.revealed)])
    } else {
      guard isSet else {
        return CommitResult.Outcome(action: .unchanged, previous: record, current: record)
      }
      try db.execute(sql: "DELETE FROM password WHERE instanceID = ?", arguments: [resource.text])
    }
    changes.append(.password(id, password))
    return CommitResult.Outcome(action: .updated, previous: record, current: record)
  }

  private func check(
    _ condition: Precondition, _ id: ResourceID, _ previous: Inventory.Record?, _ index: Int
  ) throws {
    let holds =
      switch condition {
      case .none: true
      case .absent: previous == nil
      case .present: previous != nil
      case .revisions(let revisions): previous.map { revisions.contains($0.revision) } ?? false
      }
    guard holds else {
      throw StoreError.preconditionFailed(index: index, id, current: previous?.revision)
    }
  }

  private mutating func note(_ id: ResourceID, _ new: Written) {
    if written.updateValue(new, forKey: id) == nil { order.append(id) }
  }

  private func write(_ record: Inventory.Record) throws {
    let upsert = try db.cachedStatement(
      sql: """
        INSERT INTO resource (kind, id, revision, createdAtSeconds, ec2InstanceID, document)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision,
          ec2InstanceID = excluded.ec2InstanceID, document = excluded.document
        """)
    let id = record.resource.id
    try upsert.execute(
      arguments: [
        id.kind.rawValue, id.text, Int64(clamping: record.revision), record.createdAtSeconds,
        record.ec2InstanceID, record.resource.value.text,
      ])
  }

  // MARK: Claims

  private mutating func settleClaims() throws {
    let remove = try db.cachedStatement(
      sql: "DELETE FROM claim WHERE holderKind = ? AND holderID = ?")
    for id in order { try remove.execute(arguments: [id.kind.rawValue, id.text]) }
    // What is declared is claimed before what is derived: nobody loses a declared id to a guess.
    for id in order {
      guard let entry = written[id], let record = entry.record else { continue }
      for claim in record.resource.claims { try take(claim, for: id, entry.index) }
    }
    for id in order { try chooseEC2InstanceID(id) }
  }

  private func take(_ claim: Claim, for id: ResourceID, _ index: Int) throws {
    guard try !insert(claim, for: id) else { return }
    guard let holder = try holder(of: claim), holder != id else { return }
    throw StoreError.claimed(index: index, claim, by: id, holder: holder)
  }

  /// Whether nobody had the claim.
  private func insert(_ claim: Claim, for id: ResourceID) throws -> Bool {
    let insert = try db.cachedStatement(sql: "INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?)")
    try insert.execute(
      arguments: [claim.space.rawValue, claim.key, id.kind.rawValue, id.text])
    return db.changesCount > 0
  }

  private func holder(of claim: Claim) throws -> ResourceID? {
    let row = try Row.fetchOne(
      db, sql: "SELECT holderKind, holderID FROM claim WHERE space = ? AND key = ?",
      arguments: [claim.space.rawValue, claim.key])
    return row.flatMap { row in
      let kind: String = row["holderKind"]
      return ResourceKind(rawValue: kind).map { ResourceID(kind: $0, text: row["holderID"]) }
    }
  }

  /// An instance keeps the id that it has; a new one gets the first that is free.
  private mutating func chooseEC2InstanceID(_ id: ResourceID) throws {
    guard var entry = written[id], var record = entry.record,
      let instance = record.resource.instance, instance.ec2.instanceID == nil
    else { return }
    let kept = record.ec2InstanceID.map { [$0] } ?? []
    let candidates = kept + instance.id.ec2InstanceIDCandidates
    for candidate in candidates where try insert(.ec2InstanceID(candidate), for: id) {
      if record.ec2InstanceID != candidate {
        record.ec2InstanceID = candidate
        try write(record)
        entry.record = record
        written[id] = entry
      }
      return
    }
    let claim = Claim.ec2InstanceID(candidates[0])
    throw StoreError.claimed(
      index: entry.index, claim, by: id, holder: try holder(of: claim) ?? id)
  }

  // MARK: References

  private func settleReferences() throws {
    let remove = try db.cachedStatement(
      sql: "DELETE FROM reference WHERE fromKind = ? AND fromID = ?")
    let insert = try db.cachedStatement(sql: "INSERT INTO reference VALUES (?, ?, ?, ?)")
    for id in order {
      try remove.execute(arguments: [id.kind.rawValue, id.text])
      guard let entry = written[id], let record = entry.record else { continue }
      for target in record.resource.references {
        guard try stored(target) != nil else {
          throw StoreError.missingReference(index: entry.index, from: id, to: target)
        }
        try insert.execute(
          arguments: [id.kind.rawValue, id.text, target.kind.rawValue, target.text])
      }
    }
    for id in order {
      guard let entry = written[id], entry.record == nil else { continue }
      let row = try Row.fetchOne(
        db, sql: "SELECT fromKind, fromID FROM reference WHERE toKind = ? AND toID = ?",
        arguments: [id.kind.rawValue, id.text])
      guard let row else { continue }
      let kind: String = row["fromKind"]
      throw StoreError.stillReferenced(
        index: entry.index, id,
        by: ResourceID(kind: ResourceKind(rawValue: kind) ?? .instance, text: row["fromID"]))
    }
  }
}

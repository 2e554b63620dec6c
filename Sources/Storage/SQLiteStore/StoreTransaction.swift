internal import GRDB
internal import Inventory

/// One commit against the tables. It is run inside a transaction, which its caller ends.
struct StoreTransaction {
  let db: Database
  let failure: StoreFailure

  private var resources: ResourceTable { ResourceTable(db: db) }
  private var claims: ClaimTable { ClaimTable(db: db) }
  private var references: ReferenceTable { ReferenceTable(db: db) }

  /// Judges and writes all mutations.
  /// - Returns: What became of them, and what readers are to be told; nil where nothing changed.
  func run(_ mutations: [Mutation], by context: WriteContext, now: Int) throws
    -> (CommitResult, ChangeBatch?)
  {
    let revision = try resources.revision()
    let passwordsTouched = StagedCommit.passwordsTouched(by: mutations)
    var staged = StagedCommit(
      revision: revision + 1, now: now, scope: context.scope,
      stored: try resources.records(StagedCommit.touched(by: mutations), failure),
      passwordHolders: try resources.passwordHolders(passwordsTouched))
    try staged.apply(mutations)
    guard staged.isEffective else {
      return (CommitResult(revision: revision, outcomes: staged.outcomes), nil)
    }

    let changed = staged.changed
    let existing = changed.filter { $0.entry.before != nil }.map(\.id)
    let held = try claims.held(by: existing)
    let targets = try references.targets(of: existing)
    try release(changed, held: held)
    try writeResources(changed)
    let chosen = try takeClaims(changed, held: held)
    staged.setEC2InstanceIDs(chosen)
    try writeReferences(changed, held: targets, scope: context.scope)
    for (id, password) in staged.changedPasswords {
      try resources.setPassword(password, of: id)
    }

    let batch = ChangeBatch(revision: revision + 1, changes: staged.changes)
    try ChangeLog(db: db).append(batch.changes, revision: batch.revision)
    try AuditTable(db: db).append(
      StoreTransaction.entries(mutations, staged.outcomes, batch.revision, context, now))
    try resources.setRevision(batch.revision)
    return (CommitResult(revision: batch.revision, outcomes: staged.outcomes), batch)
  }

  /// What the audit log says of the mutations that changed something.
  private static func entries(
    _ mutations: [Mutation], _ outcomes: [CommitResult.Outcome], _ revision: Revision,
    _ context: WriteContext, _ now: Int
  ) -> [AuditEntry] {
    zip(mutations, outcomes).compactMap { mutation, outcome in
      let what: AuditEntry.Outcome
      switch outcome.action {
      case .unchanged: return nil
      case .created: what = .created
      case .updated: what = .updated
      case .deleted: what = .deleted
      }
      return AuditEntry(
        atSeconds: now, author: context.author, operation: context.operation,
        subject: AuditEntry.Subject(StagedCommit.resource(of: mutation)), outcome: what,
        before: outcome.previous?.revision, after: revision)
    }
  }

  // MARK: Resources

  /// Lets go of all that is claimed no longer before anything is claimed anew: only the end result
  /// counts, so two instances can swap their addresses.
  private func release(_ changed: [StagedCommit.Changed], held: [ResourceID: Set<ClaimTable.Key>])
    throws
  {
    for (id, _, entry) in changed where entry.before != nil {
      guard let after = entry.after else {
        try resources.remove(id)
        continue
      }
      let kept = StoreTransaction.keys(of: after.record)
      for key in held[id, default: []] where !kept.contains(key) { try claims.remove(key) }
    }
  }

  private func writeResources(_ changed: [StagedCommit.Changed]) throws {
    for (_, _, entry) in changed {
      guard let after = entry.after else { continue }
      var record = after.record
      // Nearly always free; taken back in `chooseEC2InstanceID` where it is not.
      record.ec2InstanceID = record.ec2InstanceID ?? StoreTransaction.candidates(record).first
      try resources.write(record, document: after.document)
      if entry.wasDeleted, let instance = after.record.resource.instance, entry.before != nil {
        try resources.setPassword(nil, of: instance.id)
      }
    }
  }

  // MARK: Claims

  /// Takes what is claimed anew: first what documents declare, then ids for the instances that
  /// declare none, so that a derived id steps aside for a declared one of the same commit.
  /// - Returns: The EC2 ids that were chosen.
  private func takeClaims(
    _ changed: [StagedCommit.Changed], held: [ResourceID: Set<ClaimTable.Key>]
  ) throws
    -> [ResourceID: String]
  {
    for (id, index, entry) in changed {
      guard let record = entry.after?.record else { continue }
      let held = held[id, default: []]
      for claim in StoreTransaction.claims(of: record) {
        let key = ClaimTable.Key(claim)
        if held.contains(key) { continue }
        guard try claims.insert(key, holder: id) else {
          let holder = try claims.holder(of: key) ?? id
          throw StoreError.claimed(index: index, claim, by: id, holder: holder)
        }
      }
    }
    var chosen: [ResourceID: String] = [:]
    for (id, index, entry) in changed {
      guard let record = entry.after?.record, record.ec2InstanceID == nil,
        let first = StoreTransaction.candidates(record).first
      else { continue }
      let choice = try chooseEC2InstanceID(for: record, index)
      chosen[id] = choice
      if choice != first { try resources.setEC2InstanceID(choice, of: id) }
    }
    return chosen
  }

  private func chooseEC2InstanceID(for record: Record, _ index: Int) throws -> String {
    let id = record.resource.id
    let candidates = StoreTransaction.candidates(record)
    for candidate in candidates
    where try claims.insert(ClaimTable.Key(.ec2InstanceID(candidate)), holder: id) {
      return candidate
    }
    let claim = Claim.ec2InstanceID(candidates.first ?? "")
    let holder = try claims.holder(of: ClaimTable.Key(claim)) ?? id
    throw StoreError.claimed(index: index, claim, by: id, holder: holder)
  }

  private static func candidates(_ record: Record) -> [String] {
    record.resource.instance?.id.ec2InstanceIDCandidates ?? []
  }

  /// All claims but an EC2 id that is still to be chosen, in a fixed order, so that of several
  /// conflicts the same one is told every time.
  private static func claims(of record: Record) -> [Claim] {
    var claims = record.resource.claims
    if let id = record.ec2InstanceID { claims.insert(.ec2InstanceID(id)) }
    return claims.sorted {
      ($0.space.rawValue, $0.key) < ($1.space.rawValue, $1.key)
    }
  }

  private static func keys(of record: Record) -> Set<ClaimTable.Key> {
    Set(claims(of: record).map(ClaimTable.Key.init))
  }

  // MARK: References

  private func writeReferences(
    _ changed: [StagedCommit.Changed], held: [ResourceID: Set<ResourceID>], scope: String?
  ) throws {
    var added: [(from: ResourceID, to: ResourceID)] = []
    for (id, _, entry) in changed {
      guard let resource = entry.after?.record.resource else { continue }
      let old = held[id, default: []]
      let new = resource.references
      for target in old where !new.contains(target) {
        try references.remove(from: id, to: target)
      }
      for target in new.sorted(by: { $0.description < $1.description })
      where !old.contains(target) {
        try references.insert(from: id, to: target)
        added.append((id, target))
      }
    }
    let indices = Dictionary(
      changed.map { ($0.id, $0.index) }, uniquingKeysWith: { _, last in last })
    let existing = try resources.existing(Set(added.map(\.to)), reachableFrom: scope, failure)
    for (from, to) in added where !existing.contains(to) {
      throw StoreTransaction.broken(from: from, to: to, indices)
    }
    for (id, _, entry) in changed where entry.after == nil {
      guard let referrer = try references.referrer(to: id) else { continue }
      throw StoreTransaction.broken(from: referrer, to: id, indices)
    }
  }

  /// Blames the later of the two: the one who refers to what is gone, or the one who removes what
  /// is still referred to.
  private static func broken(
    from: ResourceID, to: ResourceID, _ indices: [ResourceID: Int]
  ) -> StoreError {
    guard let removal = indices[to] else {
      return .missingReference(index: indices[from] ?? 0, from: from, to: to)
    }
    if let use = indices[from], use > removal {
      return .missingReference(index: use, from: from, to: to)
    }
    return .stillReferenced(index: removal, to, by: from)
  }
}

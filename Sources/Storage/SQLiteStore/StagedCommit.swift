internal import Inventory

/// A commit worked out in memory: what each mutation comes to, before any of it is written.
///
/// It judges what a mutation asks of its own resource. Claims and references concern others too and
/// are judged by the tables, once all mutations are in.
struct StagedCommit {
  /// A resource that the commit touches.
  struct Entry {
    let before: StoredRecord?
    var after: StoredRecord?
    /// The last mutation that changed it; nil while none did.
    var index: Int?
    /// Whether it went on the way, so that what stands in the end is another of the same id.
    var wasDeleted = false
  }

  typealias Changed = (id: ResourceID, index: Int, entry: Entry)

  private struct Password {
    var isSet: Bool
    /// The new one; nil where none was posted in this commit or it is gone again.
    var value: Secret<[UInt8]>?
    var isChanged = false
  }

  private let revision: Revision
  private let now: Int
  /// The only project whose resources may be touched; nil for all.
  private let scope: String?
  private(set) var entries: [ResourceID: Entry] = [:]
  private(set) var outcomes: [CommitResult.Outcome] = []
  private var passwords: [InstanceID: Password] = [:]
  private var passwordOrder: [InstanceID] = []

  /// - Parameters:
  ///   - revision: What the commit will have if it changes anything.
  ///   - stored: The records of the resources that ``touched(by:)`` names, where they exist.
  ///   - passwordHolders: Those of its instances that have a password.
  init(
    revision: Revision, now: Int, scope: String?, stored: [ResourceID: StoredRecord],
    passwordHolders: Set<InstanceID>
  ) {
    self.revision = revision
    self.now = now
    self.scope = scope
    entries = stored.mapValues { Entry(before: $0, after: $0) }
    for id in passwordHolders { passwords[id] = Password(isSet: true) }
  }

  static func touched(by mutations: [Mutation]) -> Set<ResourceID> {
    Set(mutations.map(resource))
  }

  /// The instances whose passwords are set or cleared.
  static func passwordsTouched(by mutations: [Mutation]) -> Set<InstanceID> {
    Set(
      mutations.compactMap { mutation in
        switch mutation {
        case .setPassword(let id, _), .clearPassword(let id): id
        case .put, .delete: nil
        }
      })
  }

  static func resource(of mutation: Mutation) -> ResourceID {
    switch mutation {
    case .put(let resource, _): resource.id
    case .delete(let id, _): id
    case .setPassword(let id, _), .clearPassword(let id): resourceID(id)
    }
  }

  private static func resourceID(_ id: InstanceID) -> ResourceID {
    ResourceID(kind: .instance, text: id.description)
  }

  // MARK: Mutations

  mutating func apply(_ mutations: [Mutation]) throws(StoreError) {
    outcomes.reserveCapacity(mutations.count)
    for (index, mutation) in mutations.enumerated() {
      try checkScope(of: mutation, index)
      switch mutation {
      case .put(let resource, let condition): try put(resource, condition, index)
      case .delete(let id, let condition): try delete(id, condition, index)
      case .setPassword(let id, let password): try setPassword(password, of: id, index)
      case .clearPassword(let id): try setPassword(nil, of: id, index)
      }
    }
  }

  /// The document is judged by itself first, then what stands there, and only then what is asked of
  /// it: nobody learns anything of a resource that is another project's, and nobody takes one over
  /// by declaring it anew.
  private func checkScope(of mutation: Mutation, _ index: Int) throws(StoreError) {
    guard let scope else { return }
    let id = StagedCommit.resource(of: mutation)
    if case .put(let resource, _) = mutation, resource.project != scope {
      throw .outOfScope(index: index, id, scope: scope)
    }
    if let current = entries[id]?.after, current.record.resource.project != scope {
      throw .foreign(index: index, id)
    }
  }

  private mutating func put(_ resource: Resource, _ condition: Precondition, _ index: Int)
    throws(StoreError)
  {
    let id = resource.id
    var entry = entries[id] ?? Entry(before: nil, after: nil)
    let current = entry.after
    try check(condition, id, current?.record.revision, index)
    let document = resource.value.text
    if let current, current.document == document {
      add(.unchanged, current.record, current.record)
      return
    }
    let record = Record(
      resource: resource, revision: revision,
      createdAtSeconds: current?.record.createdAtSeconds ?? now,
      ec2InstanceID: resource.instance?.ec2.instanceID ?? current?.record.ec2InstanceID)
    entry.after = StoredRecord(record: record, document: document)
    entry.index = index
    if let current, current.record.resource.project != resource.project {
      // Who takes a resource over takes over nothing that its guest has posted.
      entry.wasDeleted = true
      if let instance = resource.instance { passwords[instance.id] = Password(isSet: false) }
    }
    entries[id] = entry
    add(current == nil ? .created : .updated, current?.record, record)
  }

  private mutating func delete(_ id: ResourceID, _ condition: Precondition, _ index: Int)
    throws(StoreError)
  {
    if id.kind == .network && id.text == NetworkID.default.text {
      throw .undeletable(index: index, id)
    }
    guard var entry = entries[id], let current = entry.after else {
      throw .notFound(index: index, id)
    }
    try check(condition, id, current.record.revision, index)
    entry.after = nil
    entry.index = index
    entry.wasDeleted = true
    entries[id] = entry
    if let instance = current.record.resource.instance {
      passwords[instance.id] = Password(isSet: false)
    }
    add(.deleted, current.record, nil)
  }

  private mutating func setPassword(
    _ value: Secret<[UInt8]>?, of id: InstanceID, _ index: Int
  ) throws(StoreError) {
    let resource = StagedCommit.resourceID(id)
    guard let current = entries[resource]?.after else { throw .notFound(index: index, resource) }
    var password = passwords[id] ?? Password(isSet: false)
    if value != nil && password.isSet { throw .passwordAlreadySet(id) }
    guard value != nil || password.isSet else {
      add(.unchanged, current.record, current.record)
      return
    }
    password.isSet = value != nil
    password.value = value
    password.isChanged = true
    passwords[id] = password
    passwordOrder.append(id)
    add(.updated, current.record, current.record)
  }

  private func check(
    _ condition: Precondition, _ id: ResourceID, _ current: Revision?, _ index: Int
  ) throws(StoreError) {
    let holds =
      switch condition {
      case .none: true
      case .absent: current == nil
      case .present: current != nil
      case .revisions(let revisions): current.map(revisions.contains) ?? false
      }
    if !holds { throw .preconditionFailed(index: index, id, current: current) }
  }

  private mutating func add(
    _ action: CommitResult.Action, _ previous: Record?, _ current: Record?
  ) {
    outcomes.append(CommitResult.Outcome(action: action, previous: previous, current: current))
  }

  // MARK: The end result

  /// Whether anything was changed at all.
  var isEffective: Bool { outcomes.contains { $0.action != .unchanged } }

  /// The resources that were changed, in the order of the mutations that changed them last.
  var changed: [Changed] {
    entries.compactMap { id, entry in entry.index.map { (id, $0, entry) } }
      .sorted { $0.index < $1.index }
  }

  /// The changed passwords of the instances that stand in the end; nil for a cleared one.
  var changedPasswords: [(id: InstanceID, password: Secret<[UInt8]>?)] {
    var seen: Set<InstanceID> = []
    return passwordOrder.compactMap { id in
      guard let password = passwords[id], password.isChanged, seen.insert(id).inserted else {
        return nil
      }
      return (id, password.value)
    }
  }

  /// Takes the EC2 id that was chosen for a new instance.
  mutating func setEC2InstanceIDs(_ chosen: [ResourceID: String]) {
    guard !chosen.isEmpty else { return }
    let complete = { (record: Record?) -> Record? in
      guard var record, record.ec2InstanceID == nil else { return record }
      record.ec2InstanceID = chosen[record.resource.id]
      return record
    }
    for id in chosen.keys { entries[id]?.after?.record.ec2InstanceID = chosen[id] }
    for index in outcomes.indices {
      outcomes[index].previous = complete(outcomes[index].previous)
      outcomes[index].current = complete(outcomes[index].current)
    }
  }

  /// What readers are told.
  var changes: [Change] {
    var changes: [Change] = []
    for (id, _, entry) in changed {
      // A new resource under an old id takes over nothing, its password included.
      if entry.after == nil || (entry.wasDeleted && entry.before != nil) {
        changes.append(.deleted(id, project: entry.before?.record.resource.project))
      }
      if let record = entry.after?.record { changes.append(.put(record)) }
    }
    return changes + changedPasswords.map { .password($0.id, $0.password) }
  }
}

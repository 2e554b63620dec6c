public import Inventory

extension Record {
  /// A record's form in answers, lists and watches; ``init(reading:)`` reads it back.
  public var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("document", resource.value), ("revision", JSONValue(revision: revision)),
      ("createdAt", .string(Timestamp.text(secondsSince1970: createdAtSeconds))),
    ]
    if let ec2InstanceID { members.append(("ec2InstanceId", .string(ec2InstanceID))) }
    return .object(members)
  }

  /// Reads a record's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let document = value["document"], let resource = try? Resource(reading: document),
      let revision = value["revision"]?.revision,
      let created = value["createdAt"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.init(
      resource: resource, revision: revision, createdAtSeconds: created,
      ec2InstanceID: value["ec2InstanceId"]?.string)
  }
}

/// A page of a list.
public struct RecordPage: Sendable, Hashable {
  public var items: [Record]
  /// The marker to ask the next page with; nil on the last one.
  public var next: String?
  /// The catalogue's revision when the page was made; a watch can go on from it.
  public var revision: Revision

  public init(items: [Record], next: String?, revision: Revision) {
    self.items = items
    self.next = next
    self.revision = revision
  }

  public var form: JSONValue { form(showing: \.form) }

  /// The page as somebody may see it.
  public func form(for principal: Principal) -> JSONValue { form(showing: principal.shown) }

  private func form(showing shown: (Record) -> JSONValue) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("items", .array(items.map(shown))), ("revision", JSONValue(revision: revision)),
    ]
    if let next { members.append(("next", .string(next))) }
    return .object(members)
  }

  /// Reads a page's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let items = value["items"]?.array, let revision = value["revision"]?.revision else {
      return nil
    }
    let records = items.compactMap(Record.init(form:))
    guard records.count == items.count else { return nil }
    self.init(items: records, next: value["next"]?.string, revision: revision)
  }
}

// MARK: - Apply

/// What became of one document of an apply.
public struct ApplyOutcome: Sendable, Hashable {
  /// The document's place in the request, counted from 0.
  public var index: Int
  public var id: ResourceID
  public var action: CommitResult.Action
  /// The canonical documents before and after, on a dry run.
  public var before: JSONValue?
  public var after: JSONValue?

  public init(
    index: Int, id: ResourceID, action: CommitResult.Action, before: JSONValue? = nil,
    after: JSONValue? = nil
  ) {
    self.index = index
    self.id = id
    self.action = action
    self.before = before
    self.after = after
  }

  var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("index", JSONValue(index)), ("kind", .string(id.kind.rawValue)), ("id", .string(id.text)),
      ("action", .string(action.rawValue)),
    ]
    if let before { members.append(("before", before)) }
    if let after { members.append(("after", after)) }
    return .object(members)
  }

  init?(form value: JSONValue) {
    guard let index = value["index"]?.integer, let id = ResourceID(form: value),
      let action = value["action"]?.string.flatMap({ CommitResult.Action(rawValue: $0) })
    else { return nil }
    self.init(
      index: index, id: id, action: action, before: value["before"], after: value["after"])
  }
}

extension ResourceID {
  /// Reads the members `kind` and `id`.
  init?(form value: JSONValue) {
    guard let kind = value["kind"]?.string.flatMap({ ResourceKind(rawValue: $0) }),
      let id = value["id"]?.string
    else { return nil }
    self.init(kind: kind, text: id)
  }
}

/// One line of the answer to an apply.
public enum ApplyLine: Sendable, Hashable {
  /// So many documents have been read.
  case progress(read: Int)
  /// All is done; the last line. Outcomes are in the request's order.
  case result(revision: Revision, [ApplyOutcome])
  /// Nothing was done; the last line.
  case problem(Problem)

  public var form: JSONValue {
    switch self {
    case .progress(let read): ["progress": ["read": JSONValue(read)]]
    case .result(let revision, let outcomes):
      [
        "result": [
          "revision": JSONValue(revision: revision), "outcomes": .array(outcomes.map(\.form)),
        ]
      ]
    case .problem(let problem): ["problem": problem.value]
    }
  }

  public init?(form value: JSONValue) {
    if let read = value["progress"]?["read"]?.integer {
      self = .progress(read: read)
    } else if let problem = value["problem"].flatMap(Problem.init(reading:)) {
      self = .problem(problem)
    } else if let result = value["result"], let revision = result["revision"]?.revision,
      let outcomes = result["outcomes"]?.array
    {
      let read = outcomes.compactMap(ApplyOutcome.init(form:))
      guard read.count == outcomes.count else { return nil }
      self = .result(revision: revision, read)
    } else {
      return nil
    }
  }
}

// MARK: - Watch

/// One event of a watch. It never has a password's text.
public enum WatchEvent: Sendable, Hashable {
  case put(Record)
  case deleted(ResourceID)
  case passwordSet(InstanceID)
  case passwordCleared(InstanceID)

  public init(_ change: Change) {
    switch change {
    case .put(let record): self = .put(record)
    case .deleted(let id, _): self = .deleted(id)
    case .password(let id, let password):
      self = password == nil ? .passwordCleared(id) : .passwordSet(id)
    }
  }

  /// The event's name in the stream.
  public var name: String {
    switch self {
    case .put: "put"
    case .deleted: "deleted"
    case .passwordSet: "password-set"
    case .passwordCleared: "password-cleared"
    }
  }

  /// The kind of resource that it is about.
  public var kind: ResourceKind {
    switch self {
    case .put(let record): record.resource.kind
    case .deleted(let id): id.kind
    case .passwordSet, .passwordCleared: .instance
    }
  }

  /// The event's data: a record, or a kind and an id.
  public var data: JSONValue {
    switch self {
    case .put(let record): record.form
    case .deleted(let id): WatchEvent.form(id)
    case .passwordSet(let id), .passwordCleared(let id):
      WatchEvent.form(ResourceID(kind: .instance, text: id.description))
    }
  }

  private static func form(_ id: ResourceID) -> JSONValue {
    ["kind": .string(id.kind.rawValue), "id": .string(id.text)]
  }

  /// Reads an event; nil for one that this version does not know.
  public init?(name: String, data: JSONValue) {
    if name == "put" {
      guard let record = Record(form: data) else { return nil }
      self = .put(record)
      return
    }
    guard let id = ResourceID(form: data) else { return nil }
    switch (name, InstanceID(id.text)) {
    case ("deleted", _): self = .deleted(id)
    case ("password-set", let instance?): self = .passwordSet(instance)
    case ("password-cleared", let instance?): self = .passwordCleared(instance)
    default: return nil
    }
  }
}

/// Server-sent events (the WHATWG's `text/event-stream`), as far as a watch uses them.
public enum EventStream {
  /// One event. Only the last event of a transaction has the transaction's revision as its id: a
  /// reader that goes on from an id must not miss the rest of that transaction.
  /// - Parameter principal: Who listens; a record is shown as they may see it.
  public static func text(_ event: WatchEvent, id: Revision?, for principal: Principal) -> String {
    let id = id.map { "id: \($0)\n" } ?? ""
    let data: JSONValue
    if case .put(let record) = event { data = principal.shown(record) } else { data = event.data }
    return "\(id)event: \(event.name)\ndata: \(data.text)\n\n"
  }

  /// Moves a reader on to a revision that had nothing for it.
  public static func text(reached revision: Revision) -> String { "id: \(revision)\n\n" }

  /// The last event of a watch that the server ends, with the reason.
  public static func text(ending problem: Problem) -> String {
    "event: problem\ndata: \(problem.value.text)\n\n"
  }

  /// A comment that shows that the connection is alive.
  public static let heartbeat = ": still here\n\n"
}

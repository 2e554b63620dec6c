public import Inventory
import OrderedCollections

// How records and their changes look in JSON.

extension Record {
  /// `{document, revision, createdAt, ec2InstanceId}`.
  public var representation: JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "document": resource.value,
      "revision": JSONValue(Int(clamping: revision)),
      "createdAt": .string(CivilTime(secondsSince1970: createdAtSeconds).description),
    ]
    if resource.kind == .instance, let ec2InstanceID {
      members["ec2InstanceId"] = .string(ec2InstanceID)
    }
    return .object(members)
  }

  /// The entity tag of the record: its revision in quotes.
  public var entityTag: String { "\"\(revision)\"" }
}

extension CommitResult {
  /// `{revision, outcomes: [{kind, id, action}]}`; with the documents before and after if asked.
  public func representation(withDocuments: Bool) -> JSONValue {
    [
      "revision": JSONValue(Int(clamping: revision)),
      "outcomes": .array(
        outcomes.map { outcome in
          let id = (outcome.current ?? outcome.previous)?.resource.id
          var members: OrderedDictionary<String, JSONValue> = [
            "kind": JSONValue(id?.kind.rawValue), "id": JSONValue(id?.text),
            "action": .string(outcome.action.rawValue),
          ]
          if withDocuments && outcome.action != .unchanged {
            members["before"] = outcome.previous?.resource.value ?? .null
            members["after"] = outcome.current?.resource.value ?? .null
          }
          return .object(members)
        }),
    ]
  }
}

/// An event of the watch. A password's text is never part of it.
public struct WatchEvent: Sendable {
  public let revision: Revision
  public let name: String
  public let kind: ResourceKind
  public let data: JSONValue

  public init(_ change: Change, revision: Revision) {
    self.revision = revision
    switch change {
    case .put(let record):
      name = "put"
      kind = record.resource.kind
      data = record.representation
    case .deleted(let id):
      name = "deleted"
      kind = id.kind
      data = ["kind": .string(id.kind.rawValue), "id": .string(id.text)]
    case .password(let id, let password):
      name = password == nil ? "password-cleared" : "password-set"
      kind = .instance
      data = ["kind": .string(ResourceKind.instance.rawValue), "id": .string(id.description)]
    }
  }

  /// The event as it goes over the wire.
  public var text: String { "id: \(revision)\nevent: \(name)\ndata: \(data.text)\n\n" }
}

public import Inventory
public import MetadataService

/// Whether a guest would be answered, as `/v1/instances/{id}/readiness` says it.
public struct ReadinessForm: Sendable, Hashable {
  public var id: InstanceID
  public var hostname: String
  /// The record's revision.
  public var revision: Revision
  public var isReady: Bool
  public var answered: [GuestReadiness.Identity]
  public var problems: [String]

  public init(_ readiness: GuestReadiness) {
    id = readiness.instance
    hostname = readiness.hostname
    revision = readiness.revision
    isReady = readiness.isReady
    answered = readiness.answered
    problems = readiness.problems
  }

  public var form: JSONValue {
    let identities = answered.map { identity -> JSONValue in
      [
        "address": .string(identity.address.description),
        "network": .string(identity.network.text),
      ]
    }
    return .object([
      ("id", .string(id.description)), ("hostname", .string(hostname)),
      ("ready", .bool(isReady)), ("revision", JSONValue(revision: revision)),
      ("answered", .array(identities)), ("problems", .array(problems.map(JSONValue.string))),
    ])
  }

  /// Reads a readiness' form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let id = value["id"]?.string.flatMap({ InstanceID($0) }),
      let hostname = value["hostname"]?.string, case .bool(let isReady) = value["ready"],
      let revision = value["revision"]?.revision, let identities = value["answered"]?.array,
      let problems = value["problems"]?.array
    else { return nil }
    self.id = id
    self.hostname = hostname
    self.isReady = isReady
    self.revision = revision
    answered = identities.compactMap { identity in
      guard let address = identity["address"]?.string.flatMap({ IPAddress($0) }),
        let network = identity["network"]?.string.flatMap({ NetworkID($0) })
      else { return nil }
      return GuestReadiness.Identity(address: address, network: network)
    }
    self.problems = problems.compactMap(\.string)
    guard answered.count == identities.count else { return nil }
  }
}

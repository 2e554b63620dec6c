import Dialects
public import Inventory
public import MetadataService
public import OrderedCollections

/// An instance that was answered without a session token: an IMDSv1 user, in AWS' words.
public struct TokenlessForm: Sendable, Hashable {
  public var id: InstanceID
  public var hostname: String
  public var project: String?
  /// Requests by dialect.
  public var requests: OrderedDictionary<String, Int>
  /// Seconds since 1970, as the next.
  public var lastSeenSeconds: Int
  /// Since when it is counted: the daemon's start, or the instance's declaration.
  public var countedSinceSeconds: Int

  public init(_ user: MetadataService.TokenlessUser) {
    id = user.instance
    hostname = user.hostname
    project = user.project
    requests = [:]
    for (dialect, count) in user.requests.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      requests[dialect.rawValue] = Int(clamping: count)
    }
    lastSeenSeconds = user.lastSeenSeconds
    countedSinceSeconds = user.countedSinceSeconds
  }

  public var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .string(id.description)), ("hostname", .string(hostname)),
    ]
    if let project { members.append(("project", .string(project))) }
    members += [
      ("requests", .object(requests.mapValues { JSONValue($0) })),
      ("lastSeen", .string(Timestamp.text(secondsSince1970: lastSeenSeconds))),
      ("countedSince", .string(Timestamp.text(secondsSince1970: countedSinceSeconds))),
    ]
    return .object(members)
  }

  /// Reads an instance's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let id = value["id"]?.string.flatMap({ InstanceID($0) }),
      let hostname = value["hostname"]?.string, let counts = value["requests"]?.object,
      let last = value["lastSeen"]?.string.flatMap(Timestamp.seconds),
      let since = value["countedSince"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    requests = [:]
    for (dialect, count) in counts {
      guard let count = count.integer else { return nil }
      requests[dialect] = count
    }
    self.id = id
    self.hostname = hostname
    project = value["project"]?.string
    lastSeenSeconds = last
    countedSinceSeconds = since
  }
}

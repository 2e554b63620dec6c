public import Inventory
import OrderedCollections
public import Telemetry

/// What guests ask, and how fast they are answered: counts since the daemon's start. Two of them tell
/// of the time between.
public struct LoadForm: Sendable, Hashable {
  /// Answers of one kind.
  public struct Answers: Sendable, Hashable {
    /// A dialect's name, or `none`.
    public var dialect: String
    /// Such as `2xx`.
    public var status: String
    public var count: Int

    public init(dialect: String, status: String, count: Int) {
      self.dialect = dialect
      self.status = status
      self.count = count
    }
  }

  /// A guest that asks much; its counts begin when it is first among those that do.
  public struct Guest: Sendable, Hashable {
    public var address: IPAddress
    /// The listener's network; nil for one that serves any.
    public var network: NetworkID?
    /// Nil where nobody has declared the address.
    public var instance: InstanceID?
    public var hostname: String?
    public var requests: Int
    public var refused: Int
    public var sentBytes: Int

    public init(
      address: IPAddress, network: NetworkID?, instance: InstanceID?, hostname: String?,
      requests: Int, refused: Int, sentBytes: Int
    ) {
      self.address = address
      self.network = network
      self.instance = instance
      self.hostname = hostname
      self.requests = requests
      self.refused = refused
      self.sentBytes = sentBytes
    }
  }

  /// The numbers that have a name and nothing more.
  public enum Number: String, Sendable, Hashable, CaseIterable {
    /// When this was, by the daemon's clock that nobody sets.
    case atMilliseconds
    case uptimeSeconds
    case revision
    case instances
    case connections
    case connectionsAccepted
    case waitingRequests
    case heldBytes
    case receivedBytes
    case sentBytes
  }

  public var numbers: [Number: Int]
  public var answers: [Answers]
  /// By reason.
  public var refusals: [String: Int]
  /// Of answers that did not wait, and of those that did on purpose.
  public var latencies: [Latencies.Step]
  public var waits: [Latencies.Step]
  /// Of the last minute, the busiest first.
  public var guests: [Guest]

  public init(
    numbers: [Number: Int], answers: [Answers], refusals: [String: Int],
    latencies: [Latencies.Step], waits: [Latencies.Step], guests: [Guest]
  ) {
    self.numbers = numbers
    self.answers = answers
    self.refusals = refusals
    self.latencies = latencies
    self.waits = waits
    self.guests = guests
  }

  public subscript(number: Number) -> Int { numbers[number] ?? 0 }
}

// MARK: As JSON

extension LoadForm {
  public var form: JSONValue {
    var members: [(String, JSONValue)] = Number.allCases.map { ($0.rawValue, JSONValue(self[$0])) }
    members += [
      ("answers", .array(answers.map(\.form))),
      (
        "refusals",
        .object(refusals.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })
      ),
      ("latencies", .array(latencies.map(\.form))), ("waits", .array(waits.map(\.form))),
      ("guests", .array(guests.map(\.form))),
    ]
    return .object(members)
  }

  /// Reads a load's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let answers = value["answers"]?.array?.map(Answers.init(form:)),
      let refusals = value["refusals"]?.object,
      let latencies = value["latencies"]?.array?.map(Latencies.Step.init(form:)),
      let waits = value["waits"]?.array?.map(Latencies.Step.init(form:)),
      let guests = value["guests"]?.array?.map(Guest.init(form:)),
      !answers.contains(nil), !latencies.contains(nil), !waits.contains(nil),
      !guests.contains(nil)
    else { return nil }
    numbers = [:]
    for number in Number.allCases {
      guard let count = value[number.rawValue]?.integer else { return nil }
      numbers[number] = count
    }
    self.refusals = [:]
    for (reason, count) in refusals {
      guard let count = count.integer else { return nil }
      self.refusals[reason] = count
    }
    self.answers = answers.compactMap(\.self)
    self.latencies = latencies.compactMap(\.self)
    self.waits = waits.compactMap(\.self)
    self.guests = guests.compactMap(\.self)
  }
}

extension LoadForm.Answers {
  var form: JSONValue {
    ["dialect": .string(dialect), "status": .string(status), "count": JSONValue(count)]
  }

  init?(form value: JSONValue) {
    guard let dialect = value["dialect"]?.string, let status = value["status"]?.string,
      let count = value["count"]?.integer
    else { return nil }
    self.init(dialect: dialect, status: status, count: count)
  }
}

extension LoadForm.Guest {
  public var form: JSONValue {
    var members: [(String, JSONValue)] = [("address", .string(address.description))]
    if let network { members.append(("network", .string(network.text))) }
    if let instance { members.append(("id", .string(instance.description))) }
    if let hostname { members.append(("hostname", .string(hostname))) }
    members += [
      ("requests", JSONValue(requests)), ("refused", JSONValue(refused)),
      ("sentBytes", JSONValue(sentBytes)),
    ]
    return .object(members)
  }

  init?(form value: JSONValue) {
    guard let address = value["address"]?.string.flatMap({ IPAddress($0) }),
      let requests = value["requests"]?.integer, let refused = value["refused"]?.integer,
      let sentBytes = value["sentBytes"]?.integer
    else { return nil }
    self.init(
      address: address, network: value["network"]?.string.flatMap { NetworkID($0) },
      instance: value["id"]?.string.flatMap { InstanceID($0) },
      hostname: value["hostname"]?.string, requests: requests, refused: refused,
      sentBytes: sentBytes)
  }
}

extension Latencies.Step {
  var form: JSONValue {
    [
      "nanoseconds": JSONValue(Int(clamping: nanoseconds)),
      "count": JSONValue(Int(clamping: count)),
    ]
  }

  init?(form value: JSONValue) {
    guard let nanoseconds = value["nanoseconds"]?.integer.flatMap({ UInt64(exactly: $0) }),
      let count = value["count"]?.integer.flatMap({ UInt64(exactly: $0) })
    else { return nil }
    self.init(nanoseconds: nanoseconds, count: count)
  }
}

extension OpenAPIDocument {
  static let loadSchemas = #"""
      "Load": {"type": "object", "additionalProperties": false,
        "required": ["atMilliseconds", "uptimeSeconds", "revision", "instances", "connections",
          "connectionsAccepted", "waitingRequests", "heldBytes", "receivedBytes", "sentBytes",
          "answers", "refusals", "latencies", "waits", "guests"],
        "properties": {
          "atMilliseconds": {"type": "integer",
            "description": "By a clock of the daemon's that nobody sets"},
          "uptimeSeconds": {"type": "integer"}, "revision": {"type": "integer"},
          "instances": {"type": "integer"},
          "connections": {"type": "integer", "description": "That are open"},
          "connectionsAccepted": {"type": "integer"},
          "waitingRequests": {"type": "integer",
            "description": "For a record, a change, the store or vendor data, just now"},
          "heldBytes": {"type": "integer", "description": "Of guests' input and output, in buffers"},
          "receivedBytes": {"type": "integer"}, "sentBytes": {"type": "integer"},
          "answers": {"type": "array", "items": {"type": "object",
            "required": ["dialect", "status", "count"], "additionalProperties": false,
            "properties": {"dialect": {"enum": ["openstack", "nocloud", "ec2", "none"]},
              "status": {"type": "string", "pattern": "^[1-5]xx$"},
              "count": {"type": "integer"}}}},
          "refusals": {"type": "object", "additionalProperties": {"type": "integer"},
            "description": "By reason"},
          "latencies": {"$ref": "#/components/schemas/Durations"},
          "waits": {"$ref": "#/components/schemas/Durations"},
          "guests": {"type": "array",
            "description": "Those of the last minute that asked most, at most 256, the busiest first; a guest's counts begin when it is first among them",
            "items": {"type": "object",
              "required": ["address", "requests", "refused", "sentBytes"],
              "additionalProperties": false,
              "properties": {"address": {"type": "string"}, "network": {"type": "string"},
                "id": {"type": "string"}, "hostname": {"type": "string"},
                "requests": {"type": "integer"}, "refused": {"type": "integer"},
                "sentBytes": {"type": "integer"}}}}}},
      "Durations": {"type": "array",
        "description": "How many took about so long (to within a hundredth), the shortest first",
        "items": {"type": "object", "required": ["nanoseconds", "count"],
          "additionalProperties": false,
          "properties": {"nanoseconds": {"type": "integer"}, "count": {"type": "integer"}}}}
    """#
}

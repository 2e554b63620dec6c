public import Inventory
public import MetadataService

// What a doctor asks about the road from a guest to this daemon.

/// A listener of the daemon's, open or not.
public struct ListenerState: Sendable, Hashable {
  public var address: IPAddress
  public var port: Int
  public var device: String?
  /// The network namespace that it is in; nil for the daemon's own.
  public var namespace: String?
  /// The network whose guests ask here; nil for one that serves any.
  public var network: NetworkID?
  /// Why it is not open, in words; nil where it is.
  public var problem: String?

  public init(
    address: IPAddress, port: Int, device: String? = nil, namespace: String? = nil,
    network: NetworkID? = nil, problem: String? = nil
  ) {
    self.address = address
    self.port = port
    self.device = device
    self.namespace = namespace
    self.network = network
    self.problem = problem
  }

  public var form: JSONValue {
    var members: [(String, JSONValue)] = [
      ("address", .string(address.description)), ("port", JSONValue(port)),
    ]
    if let device { members.append(("device", .string(device))) }
    if let namespace { members.append(("netns", .string(namespace))) }
    if let network { members.append(("network", .string(network.text))) }
    members.append(("state", problem == nil ? "listening" : "closed"))
    if let problem { members.append(("problem", .string(problem))) }
    return .object(members)
  }

  /// Reads a listener's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let address = value["address"]?.string.flatMap({ IPAddress($0) }),
      let port = value["port"]?.integer
    else { return nil }
    self.init(
      address: address, port: port, device: value["device"]?.string,
      namespace: value["netns"]?.string,
      network: value["network"]?.string.flatMap { NetworkID($0) },
      problem: value["problem"]?.string)
  }
}

/// Whose an address is.
public struct AddressOwner: Sendable, Hashable {
  /// Who has it as a fixed IP; several where several networks do.
  public var instances: [Holder]
  /// What it is known as otherwise, in words such as `the gateway of net-a`.
  public var role: String?

  public struct Holder: Sendable, Hashable {
    public var id: InstanceID
    public var hostname: String
    public var network: NetworkID

    public init(id: InstanceID, hostname: String, network: NetworkID) {
      self.id = id
      self.hostname = hostname
      self.network = network
    }
  }

  public init(instances: [Holder], role: String?) {
    self.instances = instances
    self.role = role
  }

  public var form: JSONValue {
    let holders = instances.map { holder -> JSONValue in
      [
        "id": .string(holder.id.description), "hostname": .string(holder.hostname),
        "network": .string(holder.network.text),
      ]
    }
    var members: [(String, JSONValue)] = [("instances", .array(holders))]
    if let role { members.append(("role", .string(role))) }
    return .object(members)
  }

  /// Reads an owner's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let forms = value["instances"]?.array else { return nil }
    var holders: [Holder] = []
    for form in forms {
      guard let id = form["id"]?.string.flatMap({ InstanceID($0) }),
        let hostname = form["hostname"]?.string,
        let network = form["network"]?.string.flatMap({ NetworkID($0) })
      else { return nil }
      holders.append(Holder(id: id, hostname: hostname, network: network))
    }
    self.init(instances: holders, role: value["role"]?.string)
  }
}

/// An address that requests came from which no instance sent.
public struct StrangerForm: Sendable, Hashable {
  public var address: IPAddress
  public var network: NetworkID?
  /// What it is known as, in words such as `the gateway of net-a`.
  public var role: String?
  /// Whose address it is, where it came with another MAC than the instance's.
  public var conflict: MACConflict?
  public var requests: Int
  /// Seconds since 1970.
  public var lastSeenSeconds: Int

  public init(_ sighting: Strangers.Sighting) {
    address = sighting.source.address
    network = sighting.source.network
    role = sighting.role?.description
    conflict = sighting.conflict
    requests = sighting.requests
    lastSeenSeconds = sighting.lastSeenSeconds
  }

  public var form: JSONValue {
    var members: [(String, JSONValue)] = [("address", .string(address.description))]
    if let network { members.append(("network", .string(network.text))) }
    if let role { members.append(("role", .string(role))) }
    if let conflict { members.append(("macConflict", StrangerForm.form(conflict))) }
    members.append(("requests", JSONValue(requests)))
    members.append(("lastSeen", .string(Timestamp.text(secondsSince1970: lastSeenSeconds))))
    return .object(members)
  }

  /// Reads a stranger's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let address = value["address"]?.string.flatMap({ IPAddress($0) }),
      let requests = value["requests"]?.integer,
      let seconds = value["lastSeen"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.address = address
    network = value["network"]?.string.flatMap { NetworkID($0) }
    role = value["role"]?.string
    conflict = value["macConflict"].flatMap(StrangerForm.conflict)
    self.requests = requests
    lastSeenSeconds = seconds
  }

  private static func form(_ conflict: MACConflict) -> JSONValue {
    [
      "instance": .string(conflict.instance.description),
      "network": .string(conflict.network.text),
      "declared": .string(conflict.declared.description),
      "seen": .string(conflict.seen.description),
    ]
  }

  private static func conflict(_ value: JSONValue) -> MACConflict? {
    guard let instance = value["instance"]?.string.flatMap({ InstanceID($0) }),
      let network = value["network"]?.string.flatMap({ NetworkID($0) }),
      let declared = value["declared"]?.string.flatMap({ MACAddress($0) }),
      let seen = value["seen"]?.string.flatMap({ MACAddress($0) })
    else { return nil }
    return MACConflict(instance: instance, network: network, declared: declared, seen: seen)
  }
}

/// A probe that arrived.
public struct ProbeForm: Sendable, Hashable {
  /// The address that it came from.
  public var source: IPAddress
  /// The listener's network; nil for one that serves any.
  public var network: NetworkID?

  public init(_ sighting: Probe.Sighting) {
    source = sighting.source
    network = sighting.network
  }

  public var form: JSONValue {
    var members: [(String, JSONValue)] = [("source", .string(source.description))]
    if let network { members.append(("network", .string(network.text))) }
    return .object(members)
  }

  /// Reads a probe's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let source = value["source"]?.string.flatMap({ IPAddress($0) }) else { return nil }
    self.source = source
    network = value["network"]?.string.flatMap { NetworkID($0) }
  }
}

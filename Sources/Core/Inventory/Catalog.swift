/// All records in memory, indexed for the one question that every guest asks: who am I?
///
/// A plain value: ``apply(_:)`` takes the store's changes in order, nothing else changes it.
public struct Catalog: Sendable {
  /// The transaction that this catalogue has reached.
  public private(set) var revision: Revision = 0

  /// What is in force where neither an instance nor its project says otherwise: the daemon's own.
  public var defaultMetadataOptions = MetadataOptions.Declared()

  private var projects: [String: Record] = [:]
  private var networks: [NetworkID: Record] = [:]
  private var keyPairs: [KeyPairID: Record] = [:]
  private var instances: [InstanceID: Record] = [:]
  private var passwords: [InstanceID: Secret<[UInt8]>] = [:]
  private var holders: [IPAddress: [Holder]] = [:]
  private var roles = RoleIndex()

  private struct Holder {
    let network: NetworkID
    let instance: InstanceID
  }

  public init() {}

  public init(_ snapshot: InventorySnapshot) {
    passwords = snapshot.passwords
    for record in snapshot.records { put(record) }
    revision = snapshot.revision
  }

  /// Takes one transaction's changes.
  public mutating func apply(_ batch: ChangeBatch) {
    for change in batch.changes {
      switch change {
      case .put(let record): put(record)
      case .deleted(let id, _): remove(id)
      case .password(let id, let password): passwords[id] = password
      }
    }
    revision = batch.revision
  }

  // MARK: Who asks

  /// What an address leads to.
  public enum Match: Sendable {
    case instance(InstanceView)
    /// Nobody has declared the address on that network.
    case unknown
    /// The listener serves any network and the address is declared on several.
    case ambiguous([NetworkID])
  }

  /// The instance that has an address on a network. Without a network, where the listener serves
  /// whatever is routed to it, an address that several networks have is nobody's.
  public func match(_ address: IPAddress, on network: NetworkID?) -> Match {
    let candidates = holders[address, default: []]
    let matching =
      network.map { network in candidates.filter { $0.network == network } } ?? candidates
    guard let holder = matching.first else { return .unknown }
    guard matching.count == 1 else { return .ambiguous(matching.map(\.network).sorted()) }
    guard let view = view(of: holder.instance) else { return .unknown }
    return .instance(view)
  }

  /// Whether an instance has an address on a network, or on any where none is given.
  public func isDeclared(_ address: IPAddress, on network: NetworkID?) -> Bool {
    holders[address]?.contains { network == nil || $0.network == network } ?? false
  }

  /// What an address is known as that no instance asks from; nil where nothing is known.
  public func role(of address: IPAddress, on network: NetworkID?) -> AddressRole? {
    roles.role(of: address, on: network)
  }

  // MARK: Look-ups

  /// An instance with all that it refers to.
  public func view(of id: InstanceID) -> InstanceView? {
    guard let record = instances[id] else { return nil }
    return InstanceView(
      record: record, password: passwords[id], network: network(_:), keyPair: keyPair(_:),
      metadataOptions: record.resource.instance.map(metadataOptions) ?? MetadataOptions())
  }

  public func record(_ id: ResourceID) -> Record? {
    switch id.kind {
    case .project: projects[id.text]
    case .network: NetworkID(id.text).flatMap { networks[$0] }
    case .keyPair: KeyPairID(id.text).flatMap { keyPairs[$0] }
    case .instance: InstanceID(id.text).flatMap { instances[$0] }
    }
  }

  public func password(of id: InstanceID) -> Secret<[UInt8]>? { passwords[id] }

  /// All records of a kind, in no order.
  public func records(_ kind: ResourceKind) -> [Record] {
    switch kind {
    case .project: Array(projects.values)
    case .network: Array(networks.values)
    case .keyPair: Array(keyPairs.values)
    case .instance: Array(instances.values)
    }
  }

  public func count(_ kind: ResourceKind) -> Int {
    switch kind {
    case .project: projects.count
    case .network: networks.count
    case .keyPair: keyPairs.count
    case .instance: instances.count
    }
  }

  private func metadataOptions(of instance: Instance) -> MetadataOptions {
    var ofProject = MetadataOptions.Declared()
    if let id = instance.project, case .project(let project) = projects[id]?.resource {
      ofProject = project.metadataOptions
    }
    return MetadataOptions(instance.declaredMetadataOptions, ofProject, defaultMetadataOptions)
  }

  private func network(_ id: NetworkID) -> Network? {
    if case .network(let network) = networks[id]?.resource { network } else { nil }
  }

  private func keyPair(_ id: KeyPairID) -> KeyPair? {
    if case .keyPair(let keyPair) = keyPairs[id]?.resource { keyPair } else { nil }
  }

  // MARK: Changes

  private mutating func put(_ record: Record) {
    if let old = self.record(record.resource.id) { roles.remove(old.resource) }
    roles.add(record.resource)
    switch record.resource {
    case .project(let project): projects[project.id] = record
    case .network(let network): networks[network.id] = record
    case .keyPair(let keyPair): keyPairs[keyPair.id] = record
    case .instance(let instance):
      unindex(instance.id)
      instances[instance.id] = record
      for (address, network) in instance.identities {
        holders[address, default: []].append(Holder(network: network, instance: instance.id))
      }
    }
  }

  private mutating func remove(_ id: ResourceID) {
    if let old = record(id) { roles.remove(old.resource) }
    switch id.kind {
    case .project: projects[id.text] = nil
    case .network: if let id = NetworkID(id.text) { networks[id] = nil }
    case .keyPair: if let id = KeyPairID(id.text) { keyPairs[id] = nil }
    case .instance:
      guard let id = InstanceID(id.text) else { return }
      unindex(id)
      instances[id] = nil
      passwords[id] = nil
    }
  }

  private mutating func unindex(_ id: InstanceID) {
    guard case .instance(let instance) = instances[id]?.resource else { return }
    for (address, _) in instance.identities {
      holders[address]?.removeAll { $0.instance == id }
      if holders[address]?.isEmpty == true { holders[address] = nil }
    }
  }
}

extension Instance {
  /// Every address that the instance can ask from, with its network: the declared ones, and for
  /// each MAC the link-local address that follows from it.
  var identities: [(IPAddress, NetworkID)] {
    interfaces.flatMap { interface in interface.identities.map { ($0, interface.network) } }
  }
}

extension NetworkInterface {
  /// The addresses that requests can come from through this interface.
  public var identities: [IPAddress] {
    var identities = addresses.map(\.ip)
    if let derived = mac?.linkLocalAddress, !identities.contains(derived) {
      identities.append(derived)
    }
    return identities
  }
}

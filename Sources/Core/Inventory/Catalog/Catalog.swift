/// All records in memory, indexed for the one question that every guest asks: who am I?
///
/// A plain value: ``apply(_:)-(CatalogChanges)`` takes the store's changes in order, nothing else
/// changes it. Instances are kept packed; whoever finds one takes it apart where nobody waits for it.
public struct Catalog: Sendable {
  /// The transaction that this catalogue has reached.
  public private(set) var revision: Revision = 0

  /// Tells this catalogue's versions from those of one before it.
  public var generation: UInt64 = 0

  private var shared = SharedRecords()
  private var instances = InstanceTable()
  private var addresses = AddressIndex()
  private var roles = RoleIndex()
  /// Counts changes; the last one that concerned what instances refer to.
  private var clock: UInt64 = 0
  private var sharedStamp: UInt64 = 0

  public init() {}

  public init(_ snapshot: InventorySnapshot) {
    add(snapshot.records.map { CatalogEntry($0) }, passwords: snapshot.passwords)
    reach(snapshot.revision)
  }

  /// What is in force where neither an instance nor its project says otherwise: the daemon's own.
  public var defaultMetadataOptions: MetadataOptions.Declared {
    get { shared.defaultMetadataOptions }
    set { shared.defaultMetadataOptions = newValue }
  }

  // MARK: Changes

  /// Makes room for so many instances more.
  public mutating func reserve(_ count: Int) {
    instances.reserve(count)
    // Each has an address, and one that follows from its MAC.
    addresses.reserve(count * 2)
  }

  /// Takes a part of a store's content, of which ``reach(_:)`` is told at the end.
  public mutating func add(
    _ entries: [CatalogEntry], passwords: [InstanceID: Secret<[UInt8]>] = [:]
  ) {
    for entry in entries { put(entry) }
    for (id, password) in passwords {
      clock += 1
      instances.setPassword(password, of: id, stamp: clock)
    }
  }

  /// Says which transaction all that was added is as of.
  public mutating func reach(_ revision: Revision) { self.revision = revision }

  public mutating func apply(_ batch: ChangeBatch) { apply(CatalogChanges(batch)) }

  /// Takes one transaction's changes.
  public mutating func apply(_ changes: CatalogChanges) {
    for change in changes.changes {
      switch change {
      case .put(let entry): put(entry)
      case .deleted(let id): remove(id)
      case .password(let id, let password):
        clock += 1
        instances.setPassword(password, of: id, stamp: clock)
      }
    }
    revision = changes.revision
  }

  private mutating func put(_ entry: CatalogEntry) {
    clock += 1
    switch entry.content {
    case .instance(let packed):
      if let old = instances.row(of: packed.id)?.packed { unindex(old) }
      let number = instances.put(packed, stamp: clock)
      for (address, network) in entry.identities {
        addresses.add(address, on: network, of: number)
      }
    case .other(let record):
      sharedStamp = clock
      let id = record.resource.id
      if let old = shared[id] { roles.remove(RoleIndex.roles(of: old.resource)) }
      shared[id] = record
    }
    roles.add(entry.roles)
  }

  private mutating func remove(_ id: ResourceID) {
    clock += 1
    guard id.kind == .instance else {
      sharedStamp = clock
      if let old = shared[id] { roles.remove(RoleIndex.roles(of: old.resource)) }
      shared[id] = nil
      return
    }
    guard let id = InstanceID(id.text) else { return }
    if let old = instances.row(of: id)?.packed { unindex(old) }
    instances.remove(id)
  }

  private mutating func unindex(_ packed: PackedInstance) {
    guard let number = instances.number(of: packed.id) else { return }
    let interfaces = packed.interfaces
    for (address, network) in interfaces.identities {
      addresses.remove(address, on: network, of: number)
    }
    roles.remove(RoleIndex.roles(of: interfaces, of: packed.id))
  }

  // MARK: Who asks

  /// What an address leads to.
  public enum Finding: Sendable {
    case instance(Holder)
    /// Nobody has declared the address on that network.
    case unknown
    /// The listener serves any network and the address is declared on several.
    case ambiguous([NetworkID])
  }

  /// The same with the instance taken apart.
  public enum Match: Sendable {
    case instance(InstanceView)
    case unknown
    case ambiguous([NetworkID])
  }

  /// The instance that has an address on a network. Without a network, where the listener serves
  /// whatever is routed to it, an address that several networks have is nobody's.
  public func find(_ address: IPAddress, on network: NetworkID?) -> Finding {
    switch addresses.find(address, on: network) {
    case .none: .unknown
    case .several(let networks): .ambiguous(networks)
    case .one(let number): instances[number].map { .instance(holder($0)) } ?? .unknown
    }
  }

  public func match(_ address: IPAddress, on network: NetworkID?) -> Match {
    switch find(address, on: network) {
    case .instance(let holder): .instance(holder.view)
    case .unknown: .unknown
    case .ambiguous(let networks): .ambiguous(networks)
    }
  }

  /// Whether an instance has an address on a network, or on any where none is given.
  public func isDeclared(_ address: IPAddress, on network: NetworkID?) -> Bool {
    if case .none = addresses.find(address, on: network) { false } else { true }
  }

  /// The version of the one instance that has an address; nil where it is not one.
  public func version(of address: IPAddress, on network: NetworkID?) -> Version? {
    guard case .one(let number) = addresses.find(address, on: network) else { return nil }
    return instances[number].map { version(stamp: $0.stamp) }
  }

  /// What an address is known as that no instance asks from; nil where nothing is known.
  public func role(of address: IPAddress, on network: NetworkID?) -> AddressRole? {
    roles.role(of: address, on: network)
  }

  // MARK: Look-ups

  /// An instance as it stands, and all that its documents follow from.
  public func holder(of id: InstanceID) -> Holder? { instances.row(of: id).map(holder) }

  /// An instance with all that it refers to.
  public func view(of id: InstanceID) -> InstanceView? { holder(of: id)?.view }

  public func record(_ id: ResourceID) -> Record? {
    guard id.kind == .instance else { return shared[id] }
    return InstanceID(id.text).flatMap { instances.row(of: $0) }?.packed.record
  }

  /// Whether an instance is declared.
  public func has(_ id: InstanceID) -> Bool { instances.number(of: id) != nil }

  public func password(of id: InstanceID) -> Secret<[UInt8]>? { instances.password(of: id) }

  /// All records of a kind, in no order.
  public func records(_ kind: ResourceKind) -> [Record] {
    switch kind {
    case .project: Array(shared.projects.values)
    case .network: Array(shared.networks.values)
    case .keyPair: Array(shared.keyPairs.values)
    case .instance: instances.all.map(\.record)
    }
  }

  /// The ids of a part of all instances, in no order. Parts that are read one after another have every
  /// instance that was there all the time.
  /// - Returns: Also where the next part starts; nil after the last.
  public func instanceIDs(from start: Int, count: Int) -> (ids: [InstanceID], next: Int?) {
    instances.ids(from: start, count: count)
  }

  public func count(_ kind: ResourceKind) -> Int {
    switch kind {
    case .project: shared.projects.count
    case .network: shared.networks.count
    case .keyPair: shared.keyPairs.count
    case .instance: instances.count
    }
  }

  /// How many different contents of user data there are.
  public var userDataCount: Int { instances.userDataCount }

  private func holder(_ row: InstanceTable.Row) -> Holder {
    Holder(
      version: version(stamp: row.stamp), instance: row.packed,
      password: instances.password(of: row.packed.id), shared: shared)
  }

  private func version(stamp: UInt64) -> Version {
    Version(generation: generation, instance: stamp, shared: sharedStamp)
  }

  /// What an instance's documents follow from, in numbers: as long as they are the same, so are the
  /// documents. What instances refer to changes seldom, so that one number stands for all of it.
  public struct Version: Sendable, Hashable {
    let generation: UInt64
    let instance: UInt64
    let shared: UInt64
  }

  /// An instance that was found. Taking it apart takes time, and needs the catalogue no more.
  public struct Holder: Sendable {
    public let version: Version
    public let instance: PackedInstance
    let password: Secret<[UInt8]>?
    let shared: SharedRecords

    public var id: InstanceID { instance.id }

    /// The instance with all that it refers to.
    public var view: InstanceView { InstanceView(instance, password: password, shared: shared) }

    public var record: Record { instance.record }
  }
}

extension [NetworkInterface] {
  /// Every address that their instance can ask from, with its network: the declared ones, and for
  /// each MAC the link-local address that follows from it.
  var identities: [(IPAddress, NetworkID)] {
    flatMap { interface in interface.identities.map { ($0, interface.network) } }
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

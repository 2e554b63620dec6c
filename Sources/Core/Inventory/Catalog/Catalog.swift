/// All records in memory, indexed for the one question that every guest asks: who am I?
///
/// A plain value: ``apply(_:)-(CatalogChanges)`` takes the store's changes in order, nothing else
/// changes it. Instances are kept packed; what a view of one says is read when it is asked for.
public struct Catalog: Sendable {
  /// The transaction that this catalogue has reached.
  public private(set) var revision: Revision = 0

  /// Tells this catalogue's versions from those of one before it.
  public var generation: UInt64 = 0

  private var shared = SharedRecords.none
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
    get { shared.records.defaultMetadataOptions }
    set { changeShared { $0.defaultMetadataOptions = newValue } }
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

  /// Has instances go on with the tallies that they have in another catalogue.
  public mutating func adopt(_ tallies: [InstanceID: RequestTally]) {
    for (id, tally) in tallies { instances.adopt(tally, of: id) }
  }

  /// The tallies of all instances, or only of those for which something was counted.
  public func tallies(ofAll: Bool) -> [InstanceID: RequestTally] {
    var tallies: [InstanceID: RequestTally] = [:]
    for instance in instances.all where ofAll || !instance.tokenless.isEmpty {
      tallies[instance.id] = instance.tokenless
    }
    return tallies
  }

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
    case .other(let record): setShared(record, at: record.resource.id)
    }
    roles.add(entry.roles)
  }

  private mutating func remove(_ id: ResourceID) {
    clock += 1
    guard id.kind == .instance else { return setShared(nil, at: id) }
    guard let id = InstanceID(id.text) else { return }
    if let old = instances.row(of: id)?.packed { unindex(old) }
    instances.remove(id)
  }

  private mutating func setShared(_ record: Record?, at id: ResourceID) {
    if let old = shared.records[id] { roles.remove(RoleIndex.roles(of: old.resource)) }
    sharedStamp = clock
    changeShared { $0[id] = record }
  }

  private mutating func changeShared(_ change: (inout SharedRecords) -> Void) {
    var records = shared.records.copy()
    // Where no view has them, they are nobody else's now, and are changed in place.
    shared = SharedRecords.none
    change(&records)
    shared = SharedRecords.Snapshot(records)
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
    case instance(InstanceView)
    /// Nobody has declared the address on that network.
    case unknown
    /// The listener serves any network and the address is declared on several; some of them are named.
    case ambiguous([NetworkID])
  }

  /// The instance that has an address on a network. Without a network, where the listener serves
  /// whatever is routed to it, an address that several networks have is nobody's.
  public func find(_ address: IPAddress, on network: NetworkID?) -> Finding {
    switch addresses.find(address, on: network) {
    case .none: .unknown
    case .several:
      .ambiguous(
        network.map { [$0] }
          ?? addresses.networks(having: address, atMost: Limits.maximumNamedNetworks))
    case .one(let number): instances[number].map { .instance(view($0)) } ?? .unknown
    }
  }

  /// Whether an instance has an address on a network, or on any where none is given.
  public func isDeclared(_ address: IPAddress, on network: NetworkID?) -> Bool {
    if case .none = addresses.find(address, on: network) { false } else { true }
  }

  /// All networks that have an address, in order.
  public func networks(having address: IPAddress) -> [NetworkID] {
    addresses.networks(having: address, atMost: .max)
  }

  /// Where the one instance stands that has an address; nil where it is not one.
  public func place(of address: IPAddress, on network: NetworkID?) -> Place? {
    guard case .one(let number) = addresses.find(address, on: network) else { return nil }
    return instances.stamp(number).map { Place(number: number, version: version(stamp: $0)) }
  }

  /// Has the processor fetch the instance at a place, which will be looked at soon.
  public func fetch(_ place: Place) { instances.fetch(place.number) }

  /// The version of the one instance that has an address; nil where it is not one.
  public func version(of address: IPAddress, on network: NetworkID?) -> Version? {
    place(of: address, on: network)?.version
  }

  /// The instance at a place; nil where it is another version by now, or another instance.
  public func view(at place: Place) -> InstanceView? {
    guard let row = instances[place.number], version(stamp: row.stamp) == place.version else {
      return nil
    }
    return view(row)
  }

  /// What an address is known as that no instance asks from; nil where nothing is known.
  public func role(of address: IPAddress, on network: NetworkID?) -> AddressRole? {
    roles.role(of: address, on: network)
  }

  // MARK: Look-ups

  /// An instance with all that it refers to.
  public func view(of id: InstanceID) -> InstanceView? { instances.row(of: id).map(view) }

  public func record(_ id: ResourceID) -> Record? {
    guard id.kind == .instance else { return shared.records[id] }
    return InstanceID(id.text).flatMap { instances.row(of: $0) }?.packed.record
  }

  /// Whether an instance is declared.
  public func has(_ id: InstanceID) -> Bool { instances.number(of: id) != nil }

  public func password(of id: InstanceID) -> Secret<[UInt8]>? { instances.password(of: id) }

  /// All records of a kind, in no order.
  public func records(_ kind: ResourceKind) -> [Record] {
    switch kind {
    case .project: Array(shared.records.projects.values)
    case .network: Array(shared.records.networks.values)
    case .keyPair: Array(shared.records.keyPairs.values)
    case .instance: instances.all.map(\.record)
    }
  }

  /// A part of all instances, in no order. Parts that are read one after another have every instance
  /// that was there all the time.
  /// - Returns: Also where the next part starts; nil after the last.
  public func instances(from start: Int, count: Int) -> (instances: [PackedInstance], next: Int?) {
    instances.part(from: start, count: count)
  }

  /// How many instances have come to this catalogue, those among them that are gone again.
  public var arrivals: Int { instances.arrivals.count }

  /// The instances that came after ``arrivals`` was this, in no order, some perhaps gone again or there
  /// twice; nil where not all are remembered.
  public func arrivals(since earlier: Int) -> [InstanceID]? { instances.arrivals.since(earlier) }

  public func count(_ kind: ResourceKind) -> Int {
    switch kind {
    case .project: shared.records.projects.count
    case .network: shared.records.networks.count
    case .keyPair: shared.records.keyPairs.count
    case .instance: instances.count
    }
  }

  /// How many different contents of user data there are.
  public var userDataCount: Int { instances.userDataCount }

  private func view(_ row: InstanceTable.Row) -> InstanceView {
    InstanceView(
      row.packed, at: version(stamp: row.stamp), password: instances.password(of: row.packed.id),
      shared: shared)
  }

  private func version(stamp: UInt64) -> Version {
    Version(generation: generation, instance: stamp, shared: sharedStamp)
  }

  /// Where an instance stands, and which version of it: it is found again without its address.
  public struct Place: Sendable, Hashable {
    fileprivate let number: UInt32
    public let version: Version
  }

  /// What an instance's documents follow from, in numbers: as long as they are the same, so are the
  /// documents. What instances refer to changes seldom, so that one number stands for all of it.
  public struct Version: Sendable, Hashable {
    let generation: UInt64
    let instance: UInt64
    let shared: UInt64
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

import Inventory

/// Who waits for the catalogue to change, found by what has changed: thousands may wait while a
/// thousand writes a second arrive.
struct CatalogWaiters {
  typealias Continuation = CheckedContinuation<Bool, Never>

  enum Condition {
    case loaded
    case revision(Revision)
    case address(IPAddress, NetworkID?)
    /// That the instance at an address is another one, or another version of it.
    case change(InstanceID, IPAddress, NetworkID?, Catalog.Version)
  }

  private struct Waiter {
    let condition: Condition
    let continuation: Continuation
  }

  private var waiters: [UInt64: Waiter] = [:]
  private var last: UInt64 = 0
  /// Those for whom every transaction may be the one.
  private var byRevision: Set<UInt64> = []
  private var byAddress: [IPAddress: Set<UInt64>] = [:]
  private var byInstance: [InstanceID: Set<UInt64>] = [:]

  /// A number for one that will wait.
  mutating func number() -> UInt64 {
    last += 1
    return last
  }

  mutating func add(_ continuation: Continuation, as number: UInt64, for condition: Condition) {
    waiters[number] = Waiter(condition: condition, continuation: continuation)
    switch condition {
    case .loaded, .revision: byRevision.insert(number)
    case .address(let address, _): byAddress[address, default: []].insert(number)
    case .change(let id, let address, _, _):
      byAddress[address, default: []].insert(number)
      byInstance[id, default: []].insert(number)
    }
  }

  mutating func remove(_ number: UInt64) -> Continuation? {
    guard let waiter = waiters.removeValue(forKey: number) else { return nil }
    switch waiter.condition {
    case .loaded, .revision: byRevision.remove(number)
    case .address(let address, _): CatalogWaiters.remove(number, at: address, from: &byAddress)
    case .change(let id, let address, _, _):
      CatalogWaiters.remove(number, at: address, from: &byAddress)
      CatalogWaiters.remove(number, at: id, from: &byInstance)
    }
    return waiter.continuation
  }

  private static func remove<Key>(
    _ number: UInt64, at key: Key, from index: inout [Key: Set<UInt64>]
  ) {
    index[key]?.remove(number)
    if index[key]?.isEmpty == true { index[key] = nil }
  }

  /// Takes out those whose condition holds.
  /// - Parameter changes: What has changed since last time; nil where all may have.
  mutating func takeSatisfied(
    by catalog: borrowing Catalog, isLoaded: Bool, after changes: CatalogChanges? = nil
  ) -> [Continuation] {
    guard !waiters.isEmpty else { return [] }
    var candidates: Set<UInt64>
    if let changes {
      candidates = byRevision
      for address in changes.addresses { candidates.formUnion(byAddress[address] ?? []) }
      if changes.concernsMany {
        for numbers in byInstance.values { candidates.formUnion(numbers) }
      } else {
        for id in changes.instances { candidates.formUnion(byInstance[id] ?? []) }
      }
    } else {
      candidates = Set(waiters.keys)
    }
    var satisfied: [Continuation] = []
    for number in candidates {
      guard let condition = waiters[number]?.condition,
        CatalogWaiters.holds(condition, in: catalog, isLoaded: isLoaded),
        let continuation = remove(number)
      else { continue }
      satisfied.append(continuation)
    }
    return satisfied
  }

  /// Takes out all that wait for an instance to change.
  mutating func takeChangeWaits() -> [Continuation] {
    let numbers = byInstance.values.reduce(into: Set()) { $0.formUnion($1) }
    return numbers.compactMap { remove($0) }
  }

  static func holds(_ condition: Condition, in catalog: borrowing Catalog, isLoaded: Bool) -> Bool {
    switch condition {
    case .loaded: isLoaded
    case .revision(let revision): catalog.revision >= revision
    case .address(let address, let network): catalog.isDeclared(address, on: network)
    case .change(_, let address, let network, let version):
      catalog.version(of: address, on: network) != version
    }
  }
}

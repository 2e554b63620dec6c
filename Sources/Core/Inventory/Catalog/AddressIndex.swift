/// Which instance has an address on which network. Networks and instances are numbers here, since
/// there are as many entries as addresses.
///
/// Thousands of projects' networks may have the same addresses: what is asked of one of them does not
/// look at the others.
struct AddressIndex: Sendable {
  private typealias Holder = AddressTable.Holder

  /// What an address leads to.
  enum Finding {
    case none
    /// The instance's number.
    case one(UInt32)
    case several
  }

  private var holders = AddressTable()
  /// Where there are several: all but the first, by network. One network has two only while an address
  /// goes from one instance to another.
  private var others: [IPAddress: [UInt32: [UInt32]]] = [:]
  private var networks = NetworkNumbers()

  /// Makes room for so many addresses more.
  mutating func reserve(_ count: Int) { holders.reserve(count) }

  mutating func add(_ address: IPAddress, on network: NetworkID, of instance: UInt32) {
    let holder = Holder(network: networks.take(network), instance: instance)
    guard let first = holders[address] else {
      holders[address] = holder
      return
    }
    guard first != holder, others[address]?[holder.network]?.contains(instance) != true else {
      networks.release(holder.network)
      return
    }
    others[address, default: [:]][holder.network, default: []].append(instance)
  }

  mutating func remove(_ address: IPAddress, on network: NetworkID, of instance: UInt32) {
    guard let number = networks.number(of: network) else { return }
    let holder = Holder(network: number, instance: instance)
    if holders[address] == holder {
      holders[address] = nil
      if let next = others[address]?.first, let heir = next.value.last {
        holders[address] = Holder(network: next.key, instance: heir)
        removeOther(address, next.key, heir)
      }
    } else if !removeOther(address, number, instance) {
      return
    }
    networks.release(number)
  }

  @discardableResult
  private mutating func removeOther(_ address: IPAddress, _ network: UInt32, _ instance: UInt32)
    -> Bool
  {
    guard let place = others[address]?[network]?.firstIndex(of: instance) else { return false }
    others[address]?[network]?.remove(at: place)
    if others[address]?[network]?.isEmpty == true { others[address]?[network] = nil }
    if others[address]?.isEmpty == true { others[address] = nil }
    return true
  }

  /// Who has an address on a network, or on any where none is given.
  func find(_ address: IPAddress, on network: NetworkID?) -> Finding {
    guard let first = holders[address] else { return .none }
    let others = others[address]
    guard let network else { return others == nil ? .one(first.instance) : .several }
    guard let others else {
      return networks.id(of: first.network) == network ? .one(first.instance) : .none
    }
    guard let number = networks.number(of: network) else { return .none }
    let matching = others[number] ?? []
    if first.network == number { return matching.isEmpty ? .one(first.instance) : .several }
    return matching.count > 1 ? .several : matching.first.map { .one($0) } ?? .none
  }

  /// Networks that have an address, in order.
  /// - Parameter count: No more than so many, at least one, whichever they are.
  func networks(having address: IPAddress, atMost count: Int) -> [NetworkID] {
    guard let first = holders[address] else { return [] }
    let numbers = Set(others[address, default: [:]].keys.prefix(count - 1)).union([first.network])
    return numbers.compactMap { networks.id(of: $0) }.sorted()
  }
}

/// Small numbers for the networks that addresses are on.
private struct NetworkNumbers: Sendable {
  private var numbers: [NetworkID: UInt32] = [:]
  private var entries: [(id: NetworkID, uses: Int)] = []
  private var free: [UInt32] = []

  func number(of id: NetworkID) -> UInt32? { numbers[id] }

  func id(of number: UInt32) -> NetworkID? {
    entries.indices.contains(Int(number)) ? entries[Int(number)].id : nil
  }

  /// A network's number, for one use more.
  mutating func take(_ id: NetworkID) -> UInt32 {
    if let number = numbers[id] {
      entries[Int(number)].uses += 1
      return number
    }
    let number: UInt32
    if let last = free.popLast() {
      number = last
      entries[Int(number)] = (id, 1)
    } else {
      number = UInt32(truncatingIfNeeded: entries.count)
      entries.append((id, 1))
    }
    numbers[id] = number
    return number
  }

  /// After the last use the number may become another network's.
  mutating func release(_ number: UInt32) {
    guard entries.indices.contains(Int(number)) else { return }
    entries[Int(number)].uses -= 1
    guard entries[Int(number)].uses == 0 else { return }
    numbers[entries[Int(number)].id] = nil
    free.append(number)
  }
}

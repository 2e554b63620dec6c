/// Which instance has an address on which network. Networks and instances are numbers here, since
/// there are as many entries as addresses.
struct AddressIndex: Sendable {
  private typealias Holder = AddressTable.Holder

  /// What an address leads to.
  enum Finding {
    case none
    /// The instance's number.
    case one(UInt32)
    case several([NetworkID])
  }

  private var holders = AddressTable()
  /// Where several networks have one address: all but the first.
  private var others: [IPAddress: [Holder]] = [:]
  private var networks = NetworkNumbers()

  /// Makes room for so many addresses more.
  mutating func reserve(_ count: Int) { holders.reserve(count) }

  mutating func add(_ address: IPAddress, on network: NetworkID, of instance: UInt32) {
    let holder = Holder(network: networks.take(network), instance: instance)
    guard let first = holders[address] else {
      holders[address] = holder
      return
    }
    guard first != holder, others[address]?.contains(holder) != true else {
      networks.release(holder.network)
      return
    }
    others[address, default: []].append(holder)
  }

  mutating func remove(_ address: IPAddress, on network: NetworkID, of instance: UInt32) {
    guard let number = networks.number(of: network) else { return }
    let holder = Holder(network: number, instance: instance)
    if holders[address] == holder {
      holders[address] = others[address]?.popLast()
    } else if let index = others[address]?.firstIndex(of: holder) {
      others[address]?.remove(at: index)
    } else {
      return
    }
    if others[address]?.isEmpty == true { others[address] = nil }
    networks.release(number)
  }

  /// Who has an address on a network, or on any where none is given.
  func find(_ address: IPAddress, on network: NetworkID?) -> Finding {
    guard let first = holders[address] else { return .none }
    guard let others = others[address] else {
      guard let network else { return .one(first.instance) }
      return networks.id(of: first.network) == network ? .one(first.instance) : .none
    }
    var matching = [first] + others
    if let network {
      let number = networks.number(of: network)
      matching.removeAll { $0.network != number }
    }
    guard matching.count > 1 else { return matching.first.map { .one($0.instance) } ?? .none }
    return .several(matching.compactMap { networks.id(of: $0.network) }.sorted())
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

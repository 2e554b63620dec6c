/// Who is the first to have an address: a hash table in one block of memory.
///
/// Each request looks here for an address that is nowhere near those of the requests before. A
/// `Dictionary` keeps a bit, a key and a value in three places, and of a power of two: with a million
/// instances of two addresses three waits for memory and 134 bytes each, where this has one and 64.
struct AddressTable: Sendable {
  /// Numbers of the network and the instance.
  struct Holder: Hashable, Sendable {
    let network: UInt32
    let instance: UInt32

    fileprivate static let none = Holder(network: .max, instance: .max)
  }

  private struct Slot: Sendable {
    var upper: UInt64 = 0
    var lower: UInt64 = 0
    /// None where the slot is empty.
    var holder = Holder.none

    var isEmpty: Bool { holder == .none }

    init() {}

    init(_ address: IPAddress, _ holder: Holder) {
      (upper, lower) = address.mappedHalves
      self.holder = holder
    }
  }

  /// A quarter of them is empty. An address stands at the place that its hash says or behind it, with
  /// no empty slot between.
  private var slots = [Slot](repeating: Slot(), count: leastSlots)
  private var count = 0
  /// Something random, so that nobody can choose addresses that all have one place.
  private let salt = UInt64.random(in: .min ... .max)

  private static let leastSlots = 16

  /// How many slots there are.
  var places: Int { slots.count }

  /// Makes room for so many addresses more.
  mutating func reserve(_ more: Int) { grow(toHold: count + more) }

  subscript(address: IPAddress) -> Holder? {
    get {
      let slot = slots[place(of: address)]
      return slot.isEmpty ? nil : slot.holder
    }
    set {
      guard let newValue else { return remove(address) }
      grow(toHold: count + 1)
      let place = place(of: address)
      if slots[place].isEmpty { count += 1 }
      slots[place] = Slot(address, newValue)
    }
  }

  private mutating func remove(_ address: IPAddress) {
    var empty = place(of: address)
    guard !slots[empty].isEmpty else { return }
    count -= 1
    slots[empty] = Slot()
    // Who stands behind moves up, as far as its own place is not passed.
    var next = after(empty)
    while !slots[next].isEmpty {
      let own = firstPlace(slots[next].upper, slots[next].lower)
      if distance(from: own, to: empty) < distance(from: own, to: next) {
        slots[empty] = slots[next]
        slots[next] = Slot()
        empty = next
      }
      next = after(next)
    }
  }

  private mutating func grow(toHold wanted: Int) {
    guard wanted > places / 4 * 3 else { return }
    let old = slots
    slots = [Slot](repeating: Slot(), count: max(wanted / 3 * 4 + 4, places * 2))
    for slot in old where !slot.isEmpty { slots[place(of: slot.upper, slot.lower)] = slot }
  }

  // MARK: Places

  /// Where an address stands, or would.
  private func place(of address: IPAddress) -> Int {
    let (upper, lower) = address.mappedHalves
    return place(of: upper, lower)
  }

  private func place(of upper: UInt64, _ lower: UInt64) -> Int {
    var place = firstPlace(upper, lower)
    while !slots[place].isEmpty, slots[place].upper != upper || slots[place].lower != lower {
      place = after(place)
    }
    return place
  }

  private func firstPlace(_ upper: UInt64, _ lower: UInt64) -> Int {
    let hash = ByteHash.mix(ByteHash.mix(salt, upper), lower)
    // The hash as a fraction of one.
    return Int(hash.multipliedFullWidth(by: UInt64(places)).high)
  }

  private func after(_ place: Int) -> Int { place + 1 == places ? 0 : place + 1 }

  private func distance(from start: Int, to end: Int) -> Int {
    end >= start ? end - start : end - start + places
  }
}

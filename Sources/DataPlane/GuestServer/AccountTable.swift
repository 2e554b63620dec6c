/// Accounts of guests, each in a place of its own for as long as anybody has use of it.
///
/// Each connection looks here once, and where many guests come mostly for one that has no account: to
/// hash it and find it missing in a `Dictionary` took longer than all else that lets it in.
struct AccountTable: Sendable {
  private struct Entry: Sendable {
    let guest: GuestAccounts.Guest
    var account = GuestAccounts.Account()
  }

  /// Says where the entry of a guest is. It stands where the guest's key says or behind that, with
  /// no empty slot between.
  private struct Slot: Sendable {
    /// 0 where the slot is empty.
    var key: UInt64 = 0
    var place = 0

    var isEmpty: Bool { key == 0 }
  }

  /// It is looked through for idle accounts when it has grown to twice what was left the last time,
  /// and to no less than this.
  private static let leastSweep = 1024
  /// A full table is looked through no more often.
  private static let sweepMilliseconds = 1000

  private let maximum: Int
  /// A quarter of them is empty, and more than that after each sweep.
  private var slots: [Slot]
  private var entries: [Entry] = []
  /// Places of entries that are nobody's.
  private var free: [Int] = []
  private(set) var count = 0
  private var sweepCount = leastSweep
  private var sweptAt = Int.min

  init(maximum: Int) {
    self.maximum = maximum
    slots = AccountTable.slots(toHold: AccountTable.leastSweep)
  }

  subscript(place: Int) -> GuestAccounts.Account {
    get { entries[place].account }
    _modify { yield &entries[place].account }
  }

  /// Where a guest's account stands, a new one where it has none; nil where there is no room for that.
  mutating func place(of guest: GuestAccounts.Guest, now: Int) -> Int? {
    let found = slots[slot(of: guest)]
    guard found.isEmpty else { return found.place }
    if count >= min(sweepCount, maximum) { sweep(now) }
    guard count < maximum else { return nil }
    if count >= slots.count / 4 * 3 { spread(slots, toHold: count * 2) }
    let place = enter(guest)
    slots[slot(of: guest)] = Slot(key: guest.key, place: place)
    return place
  }

  private mutating func enter(_ guest: GuestAccounts.Guest) -> Int {
    count += 1
    guard let place = free.popLast() else {
      entries.append(Entry(guest: guest))
      return entries.count - 1
    }
    entries[place] = Entry(guest: guest)
    return place
  }

  /// Forgets the accounts that are idle.
  private mutating func sweep(_ now: Int) {
    guard sweptAt == .min || now - sweptAt >= AccountTable.sweepMilliseconds else { return }
    sweptAt = now
    let busy = slots.filter { !$0.isEmpty && !entries[$0.place].account.isIdle(now: now) }
    count = busy.count
    sweepCount = max(AccountTable.leastSweep, count * 2)
    spread(busy, toHold: sweepCount)
    if busy.isEmpty {
      // As many may come within the next second.
      entries.removeAll(keepingCapacity: true)
      free = []
    } else {
      let taken = Set(busy.map(\.place))
      free = entries.indices.filter { !taken.contains($0) }
    }
  }

  // MARK: Slots

  /// Where a guest's slot is, or would be.
  private func slot(of guest: GuestAccounts.Guest) -> Int {
    var slot = AccountTable.slot(of: guest.key, among: slots.count)
    while !slots[slot].isEmpty {
      if slots[slot].key == guest.key, entries[slots[slot].place].guest == guest { break }
      slot = after(slot)
    }
    return slot
  }

  /// Puts what is not empty of some slots into others, so many that the table can grow.
  private mutating func spread(_ old: [Slot], toHold count: Int) {
    slots = AccountTable.slots(toHold: count)
    for entered in old where !entered.isEmpty {
      var slot = AccountTable.slot(of: entered.key, among: slots.count)
      while !slots[slot].isEmpty { slot = after(slot) }
      slots[slot] = entered
    }
  }

  private static func slots(toHold count: Int) -> [Slot] {
    [Slot](repeating: Slot(), count: count / 3 * 4 + 4)
  }

  /// The key as a fraction of one.
  private static func slot(of key: UInt64, among count: Int) -> Int {
    Int(key.multipliedFullWidth(by: UInt64(count)).high)
  }

  private func after(_ slot: Int) -> Int { slot + 1 == slots.count ? 0 : slot + 1 }
}

/// All instances, each with a small number of its own.
struct InstanceTable: Sendable {
  struct Row: Sendable {
    let packed: PackedInstance
    /// Another one whenever something of the instance changes.
    var stamp: UInt64
  }

  private var rows: ContiguousArray<Row?> = []
  private var numbers: [InstanceID: UInt32] = [:]
  private var free: [UInt32] = []
  private var userData = UserDataPool()
  private var passwords: [InstanceID: Secret<[UInt8]>] = [:]

  var count: Int { numbers.count }

  /// How many different contents of user data there are.
  var userDataCount: Int { userData.count }

  /// Makes room for so many more.
  mutating func reserve(_ count: Int) {
    rows.reserveCapacity(rows.count + count)
    numbers.reserveCapacity(numbers.count + count)
  }

  func number(of id: InstanceID) -> UInt32? { numbers[id] }

  subscript(_ number: UInt32) -> Row? {
    rows.indices.contains(Int(number)) ? rows[Int(number)] : nil
  }

  func row(of id: InstanceID) -> Row? { numbers[id].flatMap { self[$0] } }

  func password(of id: InstanceID) -> Secret<[UInt8]>? { passwords[id] }

  /// Puts an instance in, or another one in its place.
  /// - Returns: Its number.
  mutating func put(_ packed: PackedInstance, stamp: UInt64) -> UInt32 {
    var packed = packed
    if let content = packed.userDataContent {
      packed = PackedInstance(packed, sharing: userData.take(content))
    }
    let row = Row(packed: packed, stamp: stamp)
    if let number = numbers[packed.id] {
      if let old = rows[Int(number)]?.packed.userDataContent { userData.release(old) }
      rows[Int(number)] = row
      return number
    }
    let number: UInt32
    if let last = free.popLast() {
      number = last
      rows[Int(number)] = row
    } else {
      number = UInt32(truncatingIfNeeded: rows.count)
      rows.append(row)
    }
    numbers[packed.id] = number
    return number
  }

  mutating func remove(_ id: InstanceID) {
    passwords[id] = nil
    guard let number = numbers.removeValue(forKey: id) else { return }
    if let old = rows[Int(number)]?.packed.userDataContent { userData.release(old) }
    rows[Int(number)] = nil
    free.append(number)
  }

  mutating func setPassword(_ password: Secret<[UInt8]>?, of id: InstanceID, stamp: UInt64) {
    passwords[id] = password
    if let number = numbers[id] { rows[Int(number)]?.stamp = stamp }
  }

  /// The ids of the instances with numbers of a part.
  /// - Returns: None, and nil for the next part's start, where there are no more.
  func ids(from start: Int, count: Int) -> (ids: [InstanceID], next: Int?) {
    let part = rows.dropFirst(start).prefix(count)
    return (part.compactMap { $0?.packed.id }, part.endIndex < rows.endIndex ? part.endIndex : nil)
  }

  var all: some Sequence<PackedInstance> { rows.lazy.compactMap { $0?.packed } }
}

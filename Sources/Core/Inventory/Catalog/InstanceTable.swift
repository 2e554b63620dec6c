import CMemory

/// All instances, each with a small number of its own.
struct InstanceTable: Sendable {
  struct Row: Sendable {
    let packed: PackedInstance
    /// Another one whenever something of the instance changes.
    var stamp: UInt64
    private let fieldsAddress: UInt

    init(packed: PackedInstance, stamp: UInt64) {
      self.packed = packed
      self.stamp = stamp
      fieldsAddress = packed.fieldsAddress
    }

    /// So much of an instance's fields is fetched, in bytes. Most have no more.
    private static let fetchedBytes = 448
    private static let lineBytes = 64

    /// Has the processor fetch the instance.
    func fetch() {
      let object = unsafe UnsafeRawPointer(Unmanaged.passUnretained(packed).toOpaque())
      unsafe np_fetch(object)
      unsafe np_fetch(object + Row.lineBytes)
      guard let fields = unsafe UnsafeRawPointer(bitPattern: fieldsAddress) else { return }
      for place in stride(from: 0, to: Row.fetchedBytes, by: Row.lineBytes) {
        unsafe np_fetch(fields + place)
      }
    }
  }

  private var rows: ContiguousArray<Row?> = []
  private var numbers: [InstanceID: UInt32] = [:]
  private var free: [UInt32] = []
  private var userData = UserDataPool()
  private var passwords: [InstanceID: Secret<[UInt8]>] = [:]
  private(set) var arrivals = Arrivals()

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

  /// An instance's stamp, of which the instance itself is not touched.
  func stamp(_ number: UInt32) -> UInt64? {
    rows.indices.contains(Int(number)) ? rows[Int(number)]?.stamp : nil
  }

  /// Has the processor fetch an instance that will be asked for, while something else is done: of a
  /// million it is in no cache.
  func fetch(_ number: UInt32) {
    if rows.indices.contains(Int(number)) { rows[Int(number)]?.fetch() }
  }

  func row(of id: InstanceID) -> Row? { numbers[id].flatMap { self[$0] } }

  func password(of id: InstanceID) -> Secret<[UInt8]>? { passwords[id] }

  /// Puts an instance in, or another one in its place.
  /// - Returns: Its number.
  mutating func put(_ packed: PackedInstance, stamp: UInt64) -> UInt32 {
    let content = packed.userDataContent.map { userData.take($0) }
    if let number = numbers[packed.id], let old = rows[Int(number)]?.packed {
      if let content = old.userDataContent { userData.release(content) }
      rows[Int(number)] = Row(
        packed: PackedInstance(packed, userData: content, tokenless: old.tokenless), stamp: stamp)
      return number
    }
    let packed =
      content == nil
      ? packed : PackedInstance(packed, userData: content, tokenless: packed.tokenless)
    let row = Row(packed: packed, stamp: stamp)
    let number: UInt32
    if let last = free.popLast() {
      number = last
      rows[Int(number)] = row
    } else {
      number = UInt32(truncatingIfNeeded: rows.count)
      rows.append(row)
    }
    numbers[packed.id] = number
    arrivals.note(packed.id)
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

  /// The instances with numbers of a part.
  /// - Returns: None, and nil for the next part's start, where there are no more.
  func part(from start: Int, count: Int) -> (instances: [PackedInstance], next: Int?) {
    let part = rows.dropFirst(start).prefix(count)
    return (part.compactMap { $0?.packed }, part.endIndex < rows.endIndex ? part.endIndex : nil)
  }

  /// Has an instance go on with a tally.
  mutating func adopt(_ tally: RequestTally, of id: InstanceID) {
    guard let number = numbers[id], let row = rows[Int(number)] else { return }
    let packed = row.packed
    rows[Int(number)] = Row(
      packed: PackedInstance(packed, userData: packed.userDataContent, tokenless: tally),
      stamp: row.stamp)
  }

  var all: some Sequence<PackedInstance> { rows.lazy.compactMap { $0?.packed } }
}

import Inventory

/// A thread's connections, with their deadlines, and which of them are to have another turn.
///
/// Times are milliseconds of the system's monotonic clock; `max` is never.
struct ConnectionTable {
  /// Deadlines are looked at no more often. None is later than that.
  private static let sweepMilliseconds = 20

  /// By descriptor, as are their deadlines.
  private var places: [HeldConnection?] = []
  private var deadlines: [Int] = []
  /// When the deadlines are to be looked at.
  private(set) var sweepAt = Int.max
  /// Connections that have more to read than one turn allows.
  private var again: [Poll.Key] = []
  /// Of the key that was made last.
  private var lastNumber: UInt32 = 0

  /// A key that no other connection has.
  mutating func makeKey(_ descriptor: CInt) -> Poll.Key {
    lastNumber = lastNumber == .max ? 1 : lastNumber + 1
    return Poll.Key(descriptor: descriptor, number: lastNumber)
  }

  /// Nil where it is gone.
  subscript(key: Poll.Key) -> HeldConnection? {
    let index = Int(key.descriptor)
    guard places.indices.contains(index), let held = places[index], held.key == key
    else { return nil }
    return held
  }

  mutating func add(_ held: HeldConnection) {
    let index = Int(held.key.descriptor)
    if index >= places.count {
      let missing = max(64, index + 1 - places.count)
      places.append(contentsOf: repeatElement(nil, count: missing))
      deadlines.append(contentsOf: repeatElement(.max, count: missing))
    }
    places[index] = held
  }

  /// Forgets a connection, before its socket is closed.
  mutating func remove(_ key: Poll.Key) {
    let index = Int(key.descriptor)
    guard places.indices.contains(index) else { return }
    places[index] = nil
    deadlines[index] = .max
  }

  /// Those that came in by a listener, or all.
  func connections(of listener: ListenerID?) -> [HeldConnection] {
    places.compactMap { held in
      guard let held, listener == nil || held.connection.listener == listener else { return nil }
      return held
    }
  }

  // MARK: Deadlines

  /// Sets when a connection's clock runs out.
  mutating func setDeadline(_ deadline: Int, of key: Poll.Key) {
    let index = Int(key.descriptor)
    guard deadlines.indices.contains(index) else { return }
    deadlines[index] = deadline
    if deadline < sweepAt { sweepAt = deadline }
  }

  /// Those whose clock has run out: deadlines move with each request, which then costs a store to memory
  /// and no timer.
  mutating func takeDue(now: Int) -> [HeldConnection] {
    var due: [HeldConnection] = []
    var next = Int.max
    for index in deadlines.indices {
      if deadlines[index] <= now {
        deadlines[index] = .max
        if let held = places[index] { due.append(held) }
      }
      next = min(next, deadlines[index])
    }
    sweepAt = next == .max ? .max : max(next, now + ConnectionTable.sweepMilliseconds)
    return due
  }

  // MARK: Turns

  var hasMoreToRead: Bool { !again.isEmpty }

  /// Gives a connection another turn, after all others.
  mutating func readAgain(_ key: Poll.Key) { again.append(key) }

  mutating func takeThoseWithMore() -> [Poll.Key] {
    defer { again.removeAll(keepingCapacity: true) }
    return again
  }
}

/// A connection's place among those of a thread.
final class HeldConnection {
  let key: Poll.Key
  var connection: Connection

  init(_ connection: consuming Connection) {
    key = connection.key
    self.connection = connection
  }
}

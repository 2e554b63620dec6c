import CEventLoop
import Glibc
import Inventory
import MetadataService

/// What happens on the thread of an ``EventLoop``: waits for events, accepts, lets the connections
/// have their turns, and keeps their deadlines.
///
/// Times are milliseconds of the system's monotonic clock.
@safe final class LoopThread {
  /// Connections that are accepted and heard at a time from one listener; others have their turn between.
  private static let maximumAccepts = 16
  /// Connections that are accepted at a time from one listener where more come than can be heard. Whoever
  /// waits here waits for his turn; whom the kernel has no room for tries again after a time that doubles.
  private static let maximumCrowd = 1024
  /// Deadlines are looked at no more often. None is later than that.
  private static let sweepMilliseconds = 20

  private let loop: EventLoop
  private let poll: Poll
  /// One read's bytes. One buffer serves all connections in turn.
  let input: UnsafeMutableRawBufferPointer
  /// What it lends to connections.
  private(set) var turn = Turn()

  /// The listeners, by their sockets.
  private var doors: [CInt: Entrance] = [:]
  /// Those of them where nothing is accepted after a failure, and until when.
  private var closedDoors: [CInt: Int] = [:]
  /// By descriptor, as are their deadlines; `max` is never.
  private var connections: [HeldConnection?] = []
  private var deadlines: [Int] = []
  /// When the deadlines are to be looked at.
  private var sweepAt = Int.max
  /// Connections that have more to read than one turn allows.
  private var again: [Poll.Key] = []
  /// Connections that were accepted and not heard yet.
  private var crowd = Crowd()
  /// Of the connection that was accepted last.
  private var lastNumber: UInt32 = 0
  private var isOver = false

  init(_ loop: EventLoop) {
    self.loop = loop
    poll = Poll(descriptor: loop.poll)
    unsafe input = .allocate(byteCount: GuestExchange.maximumReadBytes, alignment: 16)
  }

  deinit { unsafe input.deallocate() }

  static func now() -> Int { nanoseconds() / 1_000_000 }

  static func nanoseconds() -> Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1_000_000_000 + now.tv_nsec
  }

  // MARK: Waiting

  func run() {
    poll.add(Poll.Key(descriptor: loop.wake, number: 0), .input)
    while !isOver {
      let count = waitForEvents()
      turn.begin()
      let now = turn.now
      for index in 0..<count {
        let (key, events) = poll[index]
        handle(key, events, now)
      }
      if !again.isEmpty { continueReading(now) }
      if !crowd.isEmpty { hearCrowd() }
      if !closedDoors.isEmpty { reopenDoors(now) }
      if now >= sweepAt { sweep(now) }
    }
    end()
  }

  private func waitForEvents() -> Int {
    let timeout: CInt
    if again.isEmpty, crowd.isEmpty {
      let next = closedDoors.values.reduce(sweepAt, min)
      timeout = next == .max ? -1 : CInt(clamping: max(0, next - LoopThread.now()))
    } else {
      timeout = 0
    }
    return poll.wait(timeout)
  }

  private func handle(_ key: Poll.Key, _ events: Poll.Events, _ now: Int) {
    if key.number != 0 {
      // The connection may be gone, and its descriptor another's, since the event was noted.
      held(key)?.connection.happened(events, &turn)
    } else if key.descriptor == loop.wake {
      for job in loop.takeJobs() { job(self) }
    } else if let entrance = doors[key.descriptor], closedDoors[key.descriptor] == nil {
      accept(at: entrance, now)
    }
  }

  private func continueReading(_ now: Int) {
    let keys = again
    again.removeAll(keepingCapacity: true)
    for key in keys { held(key)?.connection.continueReading(&turn) }
  }

  // MARK: A crowd

  /// Gives some of the crowd their first turn, in the order in which they came.
  private func hearCrowd() {
    let start = turn.start
    defer { turn.count(since: start) }
    for _ in 0..<LoopThread.maximumAccepts {
      guard let newcomer = crowd.popFirst() else { return }
      turn.count(since: newcomer.since)
      held(newcomer.key)?.connection.begin(&turn)
    }
  }

  // MARK: Doors

  /// Accepts connections of a listener from now on.
  func open(_ entrance: Entrance) {
    doors[entrance.socket] = entrance
    watchDoor(entrance.socket)
  }

  /// Accepts nothing more of a listener.
  func close(_ entrance: Entrance) {
    guard doors.removeValue(forKey: entrance.socket) != nil else { return }
    if closedDoors.removeValue(forKey: entrance.socket) == nil { poll.remove(entrance.socket) }
  }

  private func watchDoor(_ socket: CInt) {
    poll.add(Poll.Key(descriptor: socket, number: 0), [.input, .oneThread])
  }

  private func reopenDoors(_ now: Int) {
    for (socket, until) in closedDoors where now >= until {
      closedDoors[socket] = nil
      watchDoor(socket)
    }
  }

  private func accept(at entrance: Entrance, _ now: Int) {
    for count in 0..<LoopThread.maximumCrowd {
      var peer = np_address()
      let socket = unsafe np_accept(entrance.socket, &peer)
      if socket >= 0 {
        guard let held = admit(socket, peer, by: entrance, now) else { continue }
        if !crowd.isEmpty || count >= LoopThread.maximumAccepts {
          crowd.append(held.key, since: turn.start)
        } else {
          held.connection.begin(&turn)
        }
        continue
      }
      switch AcceptFailure(code: errno) {
      case .empty: return
      case .passing: continue
      case .exhausted(let code):
        entrance.cannotAccept(code, now: now)
        closedDoors[entrance.socket] = now + Entrance.pauseMilliseconds
        poll.remove(entrance.socket)
        return
      case .gone:
        close(entrance)
        entrance.onLost()
        return
      }
    }
  }

  /// - Returns: Nil for whoever is not let in.
  private func admit(_ socket: CInt, _ address: np_address, by entrance: Entrance, _ now: Int)
    -> HeldConnection?
  {
    let peer = GuestPeer(address)
    let seat = entrance.admit(peer, now: now)
    guard seat.isTaken else {
      Glibc.close(socket)
      return nil
    }
    turn.tally.noteConnection()
    lastNumber = lastNumber == .max ? 1 : lastNumber + 1
    let key = Poll.Key(descriptor: socket, number: lastNumber)
    let index = Int(socket)
    if index >= connections.count {
      let missing = max(64, index + 1 - connections.count)
      connections.append(contentsOf: repeatElement(nil, count: missing))
      deadlines.append(contentsOf: repeatElement(.max, count: missing))
    }
    let held = HeldConnection(key, of: peer, by: entrance, in: seat, on: self, now: now)
    connections[index] = held
    return held
  }

  // MARK: Connections

  /// Nil where it is gone.
  private func held(_ key: Poll.Key) -> HeldConnection? {
    let index = Int(key.descriptor)
    guard connections.indices.contains(index), let held = connections[index], held.key == key
    else { return nil }
    return held
  }

  /// Has a connection told of what can be read, and written where something waits for that.
  /// - Returns: False where the system has no room for it.
  func watch(_ key: Poll.Key, isNew: Bool, forOutput: Bool) -> Bool {
    var events: Poll.Events = [.input, .inputEnd, .changesOnly]
    if forOutput { events.insert(.output) }
    return isNew ? poll.add(key, events) : poll.change(key, events)
  }

  /// Gives a connection another turn, after all others.
  func readAgain(_ key: Poll.Key) { again.append(key) }

  /// Sets when a connection's clock runs out.
  func setDeadline(_ deadline: Int, of key: Poll.Key) {
    let index = Int(key.descriptor)
    guard deadlines.indices.contains(index) else { return }
    deadlines[index] = deadline
    if deadline < sweepAt { sweepAt = deadline }
  }

  /// Forgets a connection, before its socket is closed.
  func remove(_ key: Poll.Key) {
    let index = Int(key.descriptor)
    guard connections.indices.contains(index) else { return }
    connections[index] = nil
    deadlines[index] = .max
  }

  /// Looks at the deadlines of all connections: they move with each request, which then costs a
  /// store to memory and no timer.
  private func sweep(_ now: Int) {
    for index in deadlines.indices where deadlines[index] <= now {
      deadlines[index] = .max
      let held = connections[index]
      held?.connection.deadlineReached(&turn)
    }
    let next = deadlines.reduce(.max, min)
    sweepAt = next == .max ? .max : max(next, now + LoopThread.sweepMilliseconds)
  }

  /// Brings the answer to a request that could not be answered at once.
  func deliver(_ answer: GuestAnswer, to key: Poll.Key) {
    held(key)?.connection.deliver(answer, &turn)
  }

  /// Has other threads bring an answer here.
  var delivery: @Sendable (GuestAnswer, Poll.Key) -> Void {
    { [loop] answer, key in loop.execute { $0.deliver(answer, to: key) } }
  }

  // MARK: Ending

  /// Tells the connections of a listener, or all, to end.
  func drain(_ listener: ListenerID?, isListenerGone: Bool) {
    for held in connections(of: listener) {
      held.connection.shutDown(isListenerGone: isListenerGone, &turn)
    }
  }

  /// Closes the connections of a listener, or all.
  func closeConnections(of listener: ListenerID?) {
    for held in connections(of: listener) { held.connection.close(&turn) }
  }

  private func connections(of listener: ListenerID?) -> [HeldConnection] {
    connections.compactMap { held in
      guard let held, listener == nil || held.connection.listener == listener else { return nil }
      return held
    }
  }

  func stop() { isOver = true }

  private func end() {
    // Whoever waits for a job has it done.
    for job in loop.endJobs() { job(self) }
    for entrance in doors.values { close(entrance) }
    closeConnections(of: nil)
    (again, crowd) = ([], Crowd())
  }
}

/// A connection's place among those of a thread.
private final class HeldConnection {
  let key: Poll.Key
  var connection: Connection

  init(
    _ key: Poll.Key, of peer: GuestPeer, by entrance: Entrance, in seat: ConnectionLedger.Seat,
    on thread: LoopThread, now: Int
  ) {
    self.key = key
    connection = Connection(key, of: peer, by: entrance, in: seat, on: thread, now: now)
  }
}

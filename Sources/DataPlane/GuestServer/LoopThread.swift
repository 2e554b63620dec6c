import CEventLoop
import Glibc
import Inventory
import MetadataService

/// What happens on the thread of an ``EventLoop``: waits for events, accepts, and lets the connections
/// have their turns.
///
/// Times are milliseconds of the system's monotonic clock.
@safe final class LoopThread {
  /// Connections that are accepted and heard at a time from one listener; others have their turn between.
  private static let maximumAccepts = 16
  /// Connections that are accepted at a time from one listener where more come than can be heard. Whoever
  /// waits here waits for his turn; whom the kernel has no room for tries again after a time that doubles.
  private static let maximumCrowd = 1024

  private let loop: EventLoop
  private let poll: Poll
  /// One read's bytes. One buffer serves all connections in turn.
  let input: UnsafeMutableRawBufferPointer

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
    var turn = Turn(of: self)
    while !isOver {
      let count = waitForEvents(turn)
      turn.begin()
      let now = turn.now
      for index in 0..<count {
        let (key, events) = poll[index]
        handle(key, events, &turn)
      }
      if turn.connections.hasMoreToRead { continueReading(&turn) }
      if !turn.crowd.isEmpty { hearCrowd(&turn) }
      if !turn.closedDoors.isEmpty { reopenDoors(now, &turn) }
      if now >= turn.connections.sweepAt { endLateOnes(&turn) }
    }
    end(&turn)
  }

  private func waitForEvents(_ turn: borrowing Turn) -> Int {
    let timeout: CInt
    if !turn.connections.hasMoreToRead, turn.crowd.isEmpty {
      let next = turn.closedDoors.values.reduce(turn.connections.sweepAt, min)
      timeout = next == .max ? -1 : CInt(clamping: max(0, next - LoopThread.now()))
    } else {
      timeout = 0
    }
    return poll.wait(timeout)
  }

  private func handle(_ key: Poll.Key, _ events: Poll.Events, _ turn: inout Turn) {
    if key.number != 0 {
      // The connection may be gone, and its descriptor another's, since the event was noted.
      turn.connections[key]?.connection.happened(events, &turn)
    } else if key.descriptor == loop.wake {
      for job in loop.takeJobs() { job(self, &turn) }
    } else if let entrance = turn.doors[key.descriptor],
      turn.closedDoors[key.descriptor] == nil
    {
      accept(at: entrance, &turn)
    }
  }

  private func continueReading(_ turn: inout Turn) {
    for key in turn.connections.takeThoseWithMore() {
      turn.connections[key]?.connection.continueReading(&turn)
    }
  }

  private func endLateOnes(_ turn: inout Turn) {
    for held in turn.connections.takeDue(now: turn.now) {
      held.connection.deadlineReached(&turn)
    }
  }

  // MARK: A crowd

  /// Gives some of the crowd their first turn, in the order in which they came.
  private func hearCrowd(_ turn: inout Turn) {
    let start = turn.start
    defer { turn.count(since: start) }
    for _ in 0..<LoopThread.maximumAccepts {
      guard let newcomer = turn.crowd.popFirst() else { return }
      turn.count(since: newcomer.since)
      turn.connections[newcomer.key]?.connection.begin(&turn)
    }
  }

  // MARK: Doors

  /// Accepts connections of a listener from now on.
  func open(_ entrance: Entrance, _ turn: inout Turn) {
    turn.doors[entrance.socket] = entrance
    watchDoor(entrance.socket)
  }

  /// Accepts nothing more of a listener.
  func close(_ entrance: Entrance, _ turn: inout Turn) {
    guard turn.doors.removeValue(forKey: entrance.socket) != nil else { return }
    if turn.closedDoors.removeValue(forKey: entrance.socket) == nil { poll.remove(entrance.socket) }
  }

  private func watchDoor(_ socket: CInt) {
    poll.add(Poll.Key(descriptor: socket, number: 0), [.input, .oneThread])
  }

  private func reopenDoors(_ now: Int, _ turn: inout Turn) {
    for (socket, until) in turn.closedDoors where now >= until {
      turn.closedDoors[socket] = nil
      watchDoor(socket)
    }
  }

  private func accept(at entrance: Entrance, _ turn: inout Turn) {
    for count in 0..<LoopThread.maximumCrowd {
      var peer = np_address()
      let socket = unsafe np_accept(entrance.socket, &peer)
      if socket >= 0 {
        guard let held = admit(socket, peer, by: entrance, &turn) else { continue }
        if !turn.crowd.isEmpty || count >= LoopThread.maximumAccepts {
          turn.crowd.append(held.key, since: turn.start)
        } else {
          held.connection.begin(&turn)
        }
        continue
      }
      switch AcceptFailure(code: errno) {
      case .empty: return
      case .passing: continue
      case .exhausted(let code):
        entrance.cannotAccept(code, now: turn.now)
        turn.closedDoors[entrance.socket] = turn.now + Entrance.pauseMilliseconds
        poll.remove(entrance.socket)
        return
      case .gone:
        close(entrance, &turn)
        entrance.onLost()
        return
      }
    }
  }

  /// - Returns: Nil for whoever is not let in.
  private func admit(
    _ socket: CInt, _ address: np_address, by entrance: Entrance, _ turn: inout Turn
  ) -> HeldConnection? {
    let peer = GuestPeer(address)
    let guest = entrance.guest(peer)
    let look = entrance.shared.service.look(for: guest.address, on: guest.network)
    let seat = entrance.admit(guest, isKnown: look.isKnown, now: turn.now)
    guard seat.isTaken else {
      Glibc.close(socket)
      return nil
    }
    turn.tally.noteConnection()
    let key = turn.connections.makeKey(socket)
    let held = HeldConnection(
      Connection(
        key, of: guest, look: look, scope: peer.scope, by: entrance, in: seat, now: turn.now))
    turn.connections.add(held)
    return held
  }

  // MARK: Connections

  /// Has a connection told of what can be read, and written where something waits for that.
  /// - Returns: False where the system has no room for it.
  func watch(_ key: Poll.Key, isNew: Bool, forOutput: Bool) -> Bool {
    var events: Poll.Events = [.input, .inputEnd, .changesOnly]
    if forOutput { events.insert(.output) }
    return isNew ? poll.add(key, events) : poll.change(key, events)
  }

  /// Brings the answer to a request that could not be answered at once.
  func deliver(_ answer: GuestAnswer, to key: Poll.Key, _ turn: inout Turn) {
    turn.connections[key]?.connection.deliver(answer, &turn)
  }

  /// Has other threads bring an answer here.
  var delivery: @Sendable (GuestAnswer, Poll.Key) -> Void {
    { [loop] answer, key in loop.execute { $0.deliver(answer, to: key, &$1) } }
  }

  // MARK: Ending

  /// Tells the connections of a listener, or all, to end.
  func drain(_ listener: ListenerID?, isListenerGone: Bool, _ turn: inout Turn) {
    // Whoever is in the crowd has asked something, and to be closed unheard would be a reset.
    while !turn.crowd.isEmpty { hearCrowd(&turn) }
    for held in turn.connections.connections(of: listener) {
      held.connection.shutDown(isListenerGone: isListenerGone, &turn)
    }
  }

  /// Closes the connections of a listener, or all.
  func closeConnections(of listener: ListenerID?, _ turn: inout Turn) {
    for held in turn.connections.connections(of: listener) { held.connection.close(&turn) }
  }

  func stop() { isOver = true }

  private func end(_ turn: inout Turn) {
    // Whoever waits for a job has it done.
    for job in loop.endJobs() { job(self, &turn) }
    for entrance in turn.doors.values { close(entrance, &turn) }
    closeConnections(of: nil, &turn)
    turn.crowd = Crowd()
  }
}

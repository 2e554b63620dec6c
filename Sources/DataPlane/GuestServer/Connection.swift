import CEventLoop
import Glibc
import Inventory
import MetadataService

/// A guest's connection: performs what its ``GuestExchange`` decides. It lives on one thread.
///
/// Each event is one call of a mutating function, so that what it does to its parts is known at
/// compile time not to overlap, and not looked up at run time. It is kept in one place and never
/// copied; the compiler (6.3) cannot be told so, it breaks at a noncopyable value of this shape.
struct Connection {
  /// Answers to pipelined requests leave together, up to about so many bytes.
  private static let maximumBatchBytes = 64 * 1024

  let key: Poll.Key
  private let entrance: Entrance
  private let guest: GuestAccounts.Guest
  /// Who has the guest's address, as far as the catalogue has not changed since.
  private var look: LiveCatalog.Look
  /// The number of a link-local guest's interface.
  private let scope: UInt32
  /// Our own address.
  private let local: IPAddress?
  private let seat: ConnectionLedger.Seat
  private var exchange: GuestExchange
  private var socket: ConnectionSocket
  /// What was found out at the connection's first request.
  private var link: LinkFacts?
  /// Whom the connection is answered as, from its first answer on.
  private var caller: InstanceID?
  /// What has been told to the ledger of the bytes that are kept here.
  private var heldBytes = 0
  /// Since when the request that was asked last waits, by the thread's clock; nil where none does.
  private var waitingSince: Int?
  /// Whether it ends once everything is sent.
  private var isFinishing = false
  private var isWaitingForTurn = false

  var listener: ListenerID { entrance.id }

  /// A connection of a guest who was let in.
  /// - Parameters:
  ///   - look: For the guest's address.
  ///   - scope: The number of a link-local guest's interface.
  ///   - seat: From ``Entrance/admit(_:now:)``.
  init(
    _ key: Poll.Key, of guest: GuestAccounts.Guest, look: LiveCatalog.Look, scope: UInt32,
    by entrance: Entrance, in seat: ConnectionLedger.Seat, now: Int
  ) {
    self.key = key
    self.guest = guest
    self.look = look
    self.scope = scope
    self.seat = seat
    self.entrance = entrance
    local = entrance.local(of: key.descriptor)
    exchange = GuestExchange(timeouts: entrance.shared.timeouts, now: now)
    socket = ConnectionSocket(descriptor: key.descriptor)
  }

  // MARK: Events

  /// Its first turn. What a guest asks is mostly there when its connection is accepted; where it is
  /// answered and closed at once, the poll never hears of it.
  mutating func begin(_ turn: inout Turn) {
    if seat.admission == .turnedAway { return perform(exchange.turnAway(), &turn) }
    read(&turn)
    settle(&turn)
  }

  mutating func happened(_ events: Poll.Events, _ turn: inout Turn) {
    if events.contains(.error) { return close(&turn) }
    socket.note(events)
    if socket.canSend { sendRest(&turn) }
    read(&turn)
    settle(&turn)
  }

  mutating func continueReading(_ turn: inout Turn) {
    isWaitingForTurn = false
    read(&turn)
    settle(&turn)
  }

  mutating func deadlineReached(_ turn: inout Turn) {
    perform(exchange.deadlineReached(now: turn.now), &turn)
  }

  mutating func deliver(_ answer: GuestAnswer, _ turn: inout Turn) {
    perform(answered(answer, &turn), &turn)
  }

  /// The server, or the listener that it came in by, is to stop.
  mutating func shutDown(isListenerGone: Bool, _ turn: inout Turn) {
    // What the guest does not acknowledge would keep the socket in the kernel for minutes after it
    // is closed, and with it the network namespace that is to go.
    if isListenerGone { socket.boundClosing() }
    perform(exchange.shutdownRequested(waitsForFirst: !isListenerGone, now: turn.now), &turn)
  }

  /// One read, so that nobody takes more than a turn.
  private mutating func read(_ turn: inout Turn) {
    guard socket.mayHaveInput, exchange.wantsInput else { return }
    switch unsafe socket.receive(into: turn.thread.input) {
    case .bytes(let count):
      let bytes = unsafe UnsafeRawBufferPointer(
        start: turn.thread.input.baseAddress, count: count)
      turn.tally.noteReceived(count)
      unsafe advance(Span(_unsafeBytes: bytes), &turn)
    case .end:
      perform(one: exchange.inputClosed(now: turn.now), &turn)
      advance(Span(), &turn)
    case .nothing: break
    // A connection that was reset or the like: the guest is gone, and nothing is to be said.
    case .failed: close(&turn)
    }
  }

  // MARK: Performing

  /// Performs an event's action and all that follow from it.
  private mutating func perform(_ action: GuestExchange.Action, _ turn: inout Turn) {
    perform(one: action, &turn)
    advance(Span(), &turn)
    settle(&turn)
  }

  private mutating func advance(_ bytes: Span<UInt8>, _ turn: inout Turn) {
    var offset = 0
    while true {
      let action = exchange.next(bytes, from: &offset, heads: &turn.heads, now: turn.now)
      if case .wait = action { return }
      perform(one: consume action, &turn)
    }
  }

  private mutating func perform(one action: consuming GuestExchange.Action, _ turn: inout Turn) {
    switch consume action {
    case .wait: break
    case .ask(let question, let body): ask(question, body, &turn)
    case .sendContinue: ResponseWriter.writeInterim(into: &turn.output)
    case .send(let reply): send(reply, &turn)
    case .refuse(let refusal, let reply):
      entrance.shared.notes.note(refusal, of: guest, now: turn.now)
      send(reply, &turn)
    case .finishWriting:
      isFinishing = true
      flush(&turn)
    case .closeOutput: socket.closeOutput()
    case .close: close(&turn)
    }
  }

  private mutating func ask(_ question: Question, _ body: [UInt8], _ turn: inout Turn) {
    let shared = entrance.shared
    if let refusal = shared.ledger.ask(seat, now: turn.now) {
      shared.notes.note(refusal, of: guest, now: turn.now)
      perform(one: exchange.throttled(refusal, now: turn.now), &turn)
      return
    }
    let request = GuestRequest(
      question, network: guest.network, source: guest.address, local: local, caller: caller,
      link: findLink(), body: body)
    switch shared.service.answer(request, after: &look) {
    case .answer(let answer): perform(one: answered(answer, &turn), &turn)
    case .wait(let pending):
      // What is answered already does not wait for this.
      flush(&turn)
      let isTaken = shared.pending.submit(pending) { [key, deliver = turn.thread.delivery] in
        deliver($0, key)
      }
      guard !isTaken else {
        waitingSince = turn.start
        return
      }
      shared.notes.note(.tooManyPending, of: guest, now: turn.now)
      perform(one: answered(GuestAnswer(refusal: .tooManyPending), &turn), &turn)
    }
  }

  private mutating func answered(_ answer: consuming GuestAnswer, _ turn: inout Turn)
    -> GuestExchange.Action
  {
    if caller == nil { caller = answer.instance }
    return exchange.answered(answer, now: turn.now)
  }

  /// What the kernel knows of the way to the guest, asked once, and again while it knows no MAC.
  private mutating func findLink() -> LinkFacts {
    if let link, !link.isMACUnresolved { return link }
    // A loopback address never was on a wire.
    guard let links = entrance.links, !guest.address.isLoopback else { return LinkFacts() }
    let found = links(
      GuestWay(
        source: guest.address, local: local,
        interface: guest.address.isLinkLocal ? scope : socket.boundInterface))
    link = found
    return found
  }

  private mutating func send(_ reply: GuestExchange.Reply, _ turn: inout Turn) {
    if let token = reply.answer.token {
      // What is answered already is not the token's.
      flush(&turn)
      guard socket.limitHops(to: token.hopLimit, isIPv4: guest.address.isIPv4) else {
        return close(&turn)
      }
    }
    // The buffer is another connection's next.
    guard socket.isOpen else { return }
    if !reply.isHead, reply.answer.body.count > Limits.uncountedAnswerBytes {
      entrance.shared.ledger.charge(reply.answer.body.count, to: seat, now: turn.now)
    }
    count(reply, &turn)
    ResponseWriter.write(reply, date: turn.currentDate(), into: &turn.output)
    if turn.output.count >= Connection.maximumBatchBytes { flush(&turn) }
  }

  private mutating func count(_ reply: GuestExchange.Reply, _ turn: inout Turn) {
    let waited = waitingSince.map { LoopThread.nanoseconds() - $0 }
    waitingSince = nil
    turn.tally.noteAnswer(
      reply.answer, sentBytes: reply.isHead ? 0 : reply.answer.body.count, to: guest,
      waited: waited, second: turn.now / 1000)
  }

  /// Sends the answers, as far as the guest takes them.
  private mutating func flush(_ turn: inout Turn) {
    if !turn.output.isEmpty {
      socket.send(turn.output, areLast: isFinishing)
      turn.clearOutput(areSent: true)
    }
    haveSent(&turn)
  }

  /// Sends what the guest did not take before, and goes on with the requests that waited for it.
  private mutating func sendRest(_ turn: inout Turn) {
    socket.sendRest(areLast: isFinishing)
    haveSent(&turn)
    advance(Span(), &turn)
  }

  private mutating func haveSent(_ turn: inout Turn) {
    guard !socket.hasFailed else { return close(&turn) }
    exchange.writabilityChanged(to: !socket.hasUnsent, now: turn.now)
    guard isFinishing, !socket.hasUnsent else { return }
    isFinishing = false
    perform(one: exchange.written(now: turn.now), &turn)
  }

  /// Ends a turn: sends what is to be sent, and sees to what comes next.
  private mutating func settle(_ turn: inout Turn) {
    if !turn.output.isEmpty { flush(&turn) }
    guard socket.isOpen else { return }
    guard hold(exchange.heldBytes + socket.unsentBytes) else {
      entrance.shared.notes.note(.tooMuchHeld, of: guest, now: turn.now)
      return close(&turn)
    }
    guard socket.isWatched(by: turn.thread, as: key) else { return close(&turn) }
    turn.connections.setDeadline(exchange.deadline, of: key)
    if !isWaitingForTurn, socket.mayHaveInput, exchange.wantsInput {
      isWaitingForTurn = true
      turn.connections.readAgain(key)
    }
  }

  /// Tells the ledger what is kept in buffers.
  /// - Returns: False where it is too much.
  @discardableResult
  private mutating func hold(_ count: Int) -> Bool {
    guard count != heldBytes else { return true }
    defer { heldBytes = count }
    return entrance.shared.ledger.hold(count, insteadOf: heldBytes, by: seat)
  }

  /// Closes the connection, once.
  mutating func close(_ turn: inout Turn) {
    guard socket.isOpen else { return }
    exchange.closed()
    turn.clearOutput(areSent: false)
    hold(0)
    turn.connections.remove(key)
    socket.close()
    entrance.shared.ledger.release(seat, by: entrance.id)
  }
}

/// The other end of a connection.
struct GuestPeer: Sendable, Hashable {
  /// Without port and zone; an IPv4-mapped address is IPv4.
  let address: IPAddress
  /// The number of a link-local address' interface; 0 where there is none.
  let scope: UInt32

  init(_ address: np_address) {
    self.address = IPAddress(upper: address.upper, lower: address.lower)
    scope = address.scope
  }
}

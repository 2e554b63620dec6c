import Glibc
import Inventory
import MetadataService
import NIOCore

/// Performs what a connection's ``GuestExchange`` decides.
final class GuestConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Answers to pipelined requests leave together, up to about so many bytes.
  static let maximumBatchBytes = 64 * 1024

  private let resources: LoopResources
  private let network: NetworkID?
  private let listener: ListenerID
  private let links: LinkLookup?
  /// What was found out at the connection's first request.
  private var link: LinkFacts?
  /// Nil once this connection has been looked at.
  private var accepted: AcceptedConnections?
  private var exchange: GuestExchange
  private var guest: GuestAccounts.Guest
  private var seat = ConnectionLedger.Seat.none
  /// What has been told to the ledger of the bytes that are kept here.
  private var heldBytes = 0
  private var context: ChannelHandlerContext?
  /// Answers that are not handed to the channel yet.
  private var output = ByteBuffer()
  private var timer: Scheduled<Void>?
  private var timerDeadline = Int.max
  private var isPerforming = false
  private var hopLimit = Int.max

  init(
    resources: LoopResources, network: NetworkID?, listener: ListenerID, links: LinkLookup?,
    accepted: AcceptedConnections
  ) {
    self.accepted = accepted
    self.resources = resources
    self.network = network
    self.listener = listener
    self.links = links
    guest = GuestAccounts.Guest(network: network, address: .v4(0))
    exchange = GuestExchange(
      timeouts: resources.shared.timeouts, network: network, source: .v4(0), now: 0)
  }

  private static func now() -> Int {
    Int(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1_000_000)
  }

  // MARK: The channel's events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    see()
  }

  private func see() {
    accepted?.seen()
    accepted = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    defer { see() }
    guard !seat.isTaken, let address = IPAddress(context.remoteAddress) else {
      context.close(promise: nil)
      return
    }
    let now = GuestConnectionHandler.now()
    guest = GuestAccounts.Guest(network: network, address: address)
    exchange = GuestExchange(
      timeouts: resources.shared.timeouts, network: network, source: address,
      local: IPAddress(context.localAddress), now: now)
    seat = resources.shared.ledger.admit(
      guest, isKnown: resources.shared.service.knows(address, on: network), context.channel,
      by: listener, now: now)
    switch seat.admission {
    case .admitted: settle(now)
    case .turnedAway:
      perform(exchange.turnAway(), now)
    case .dropped:
      resources.shared.notes.note(.tooManyConnections, of: guest, now: now)
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    exchange.closed()
    timer?.cancel()
    timer = nil
    output = ByteBuffer()
    hold(0)
    if seat.isTaken {
      resources.shared.ledger.release(seat, context.channel, by: listener)
      seat = .none
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    let now = GuestConnectionHandler.now()
    isPerforming = true
    defer { isPerforming = false }
    advance(buffer.readableBytesUInt8Span, now)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    settle(GuestConnectionHandler.now())
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    let now = GuestConnectionHandler.now()
    exchange.writabilityChanged(to: context.channel.isWritable, now: now)
    perform(.wait, now)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    let now = GuestConnectionHandler.now()
    switch event {
    case ChannelEvent.inputClosed: perform(exchange.inputClosed(now: now), now)
    case let event as ShutdownEvent:
      if event.isListenerGone { boundClosing(context) }
      perform(
        exchange.shutdownRequested(waitsForFirst: !event.isListenerGone, now: now), now)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A connection that was reset or the like: the guest is gone, and nothing is to be said.
    context.close(promise: nil)
  }

  /// What the guest does not acknowledge would keep the socket in the kernel for minutes after it
  /// is closed, and with it the network namespace that is to go.
  private func boundClosing(_ context: ChannelHandlerContext) {
    // It fails only on a channel that is closed.
    try? context.channel.syncOptions?.setOption(
      .tcpOption(NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT)),
      value: GuestConnectionHandler.unacknowledgedMilliseconds)
  }

  static let unacknowledgedMilliseconds: SocketOptionValue = 3000

  // MARK: Performing

  /// Performs an event's action and all that follow from it.
  private func perform(_ action: GuestExchange.Action, _ now: Int) {
    // An action may set off an event of the channel; then whoever performs it goes on from there.
    guard !isPerforming else {
      perform(one: action, now)
      return
    }
    isPerforming = true
    perform(one: action, now)
    advance(Span(), now)
    isPerforming = false
    settle(now)
  }

  private func advance(_ bytes: Span<UInt8>, _ now: Int) {
    var offset = 0
    while true {
      let action = exchange.next(bytes, from: &offset, now: now)
      if case .wait = action { return }
      perform(one: action, now)
    }
  }

  private func perform(one action: GuestExchange.Action, _ now: Int) {
    switch action {
    case .wait: break
    case .ask(let request): ask(request, now)
    case .sendContinue: output.writeStaticString(ResponseWriter.interim)
    case .send(let reply): send(reply)
    case .refuse(let refusal, let reply):
      resources.shared.notes.note(refusal, of: guest, now: now)
      send(reply)
    case .finishWriting: finishWriting()
    case .closeOutput: context?.close(mode: .output, promise: nil)
    case .close: context?.close(promise: nil)
    }
  }

  private func ask(_ request: GuestRequest, _ now: Int) {
    if let refusal = resources.shared.ledger.ask(seat, now: now) {
      resources.shared.notes.note(refusal, of: guest, now: now)
      perform(one: exchange.throttled(refusal, now: now), now)
      return
    }
    var request = request
    request.link = findLink()
    switch resources.shared.service.answer(request) {
    case .answer(let answer): perform(one: exchange.answered(answer, now: now), now)
    case .wait(let pending):
      guard let context else { return resources.shared.service.abandon(pending) }
      // What is answered already does not wait for this.
      flush()
      let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
      let isTaken = resources.shared.pending.submit(pending) { answer in
        handler.eventLoop.execute { handler.value.deliver(answer) }
      }
      guard !isTaken else { return }
      resources.shared.notes.note(.tooManyPending, of: guest, now: now)
      let answer = GuestAnswer(refusal: .tooManyPending)
      perform(one: exchange.answered(answer, now: now), now)
    }
  }

  /// What the kernel knows of the way to the guest, asked once, and again while it knows no MAC.
  private func findLink() -> LinkFacts {
    if let link, !link.isMACUnresolved { return link }
    guard let links, let context, let way = GuestWay(of: context.channel, source: guest.address)
    else { return LinkFacts() }
    let found = links(way)
    link = found
    return found
  }

  private func deliver(_ answer: GuestAnswer) {
    let now = GuestConnectionHandler.now()
    perform(exchange.answered(answer, now: now), now)
  }

  private func send(_ reply: GuestExchange.Reply) {
    if let token = reply.answer.token, !limitHops(to: token.hopLimit) { return }
    if !reply.isHead, reply.answer.body.count > Limits.uncountedAnswerBytes {
      resources.shared.ledger.charge(
        reply.answer.body.count, to: seat, now: GuestConnectionHandler.now())
    }
    if output.capacity == 0 { output = resources.takeBuffer() }
    ResponseWriter.write(reply, date: resources.dateText(), into: &output)
    if output.readableBytes >= GuestConnectionHandler.maximumBatchBytes { flush() }
  }

  /// Has the packets that carry a session token go no further than it may.
  ///
  /// The limit stays for the rest of the connection, or is lowered again. A token that got lost on
  /// its way is sent again by the system, with the limit of that moment; and whoever is too far away
  /// for the token gets nothing behind it on the same connection anyway.
  /// - Returns: False where it cannot be done. The connection is closed then, without the token.
  private func limitHops(to limit: Int) -> Bool {
    guard limit < hopLimit else { return true }
    // What is answered already is not the token's.
    flush()
    guard let context, let options = context.channel.syncOptions else { return false }
    let option =
      guest.address.isIPv4
      ? ChannelOptions.Types.SocketOption(
        level: .ip, name: NIOBSDSocket.Option(rawValue: CInt(IP_TTL)))
      : ChannelOptions.Types.SocketOption(
        level: .ipv6, name: NIOBSDSocket.Option(rawValue: CInt(IPV6_UNICAST_HOPS)))
    do {
      try options.setOption(option, value: SocketOptionValue(clamping: limit))
    } catch {
      context.close(promise: nil)
      return false
    }
    hopLimit = limit
    return true
  }

  /// Hands the answers to the channel. This may change the channel's writability, and with it the
  /// exchange.
  private func flush(_ promise: EventLoopPromise<Void>? = nil) {
    guard output.readableBytes > 0 || promise != nil else { return }
    let buffer = output
    output = ByteBuffer()
    guard let context else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
    if buffer.capacity > 0 { resources.giveBack(buffer) }
  }

  private func finishWriting() {
    guard let context else { return }
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenComplete { _ in
      let now = GuestConnectionHandler.now()
      self.perform(self.exchange.written(now: now), now)
    }
    flush(promise)
  }

  /// Ends the handling of an event: sends what is to be sent, reads on where that is of use, and
  /// sees to the clock.
  private func settle(_ now: Int) {
    flush()
    guard holdBuffers(now) else { return }
    if exchange.wantsInput { context?.read() }
    let deadline = exchange.deadline
    // A deadline that moves away, as it does with each request, leaves the timer alone: it looks
    // again when it fires.
    guard deadline < timerDeadline, let context else { return }
    timer?.cancel()
    timerDeadline = deadline
    timer = context.eventLoop.assumeIsolated().scheduleTask(
      deadline: .uptimeNanoseconds(UInt64(max(0, deadline)) * 1_000_000)
    ) {
      self.timerFired()
    }
  }

  /// Tells the ledger what is kept in buffers. What NIO keeps of the output is looked at once it
  /// is over the mark, which is low.
  /// - Returns: False where it is too much, and the connection is closed.
  private func holdBuffers(_ now: Int) -> Bool {
    guard let context else { return false }
    var count = exchange.heldBytes
    if !context.channel.isWritable {
      count += (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
    guard count != heldBytes, !hold(count) else { return true }
    resources.shared.notes.note(.tooMuchHeld, of: guest, now: now)
    exchange.closed()
    context.close(promise: nil)
    return false
  }

  @discardableResult
  private func hold(_ count: Int) -> Bool {
    guard count != heldBytes else { return true }
    defer { heldBytes = count }
    return resources.shared.ledger.hold(count, insteadOf: heldBytes, by: seat)
  }

  private func timerFired() {
    timer = nil
    timerDeadline = .max
    let now = GuestConnectionHandler.now()
    perform(exchange.deadlineReached(now: now), now)
  }
}

/// Tells a connection that the server, or the listener that it came in by, is to stop.
struct ShutdownEvent: Sendable {
  let isListenerGone: Bool
}

import Inventory
import MetadataService
import NIOCore
import NIOExtras

/// What all connections share.
struct GuestServerContext: Sendable {
  let service: MetadataService
  let pending: PendingAnswers
  let ledger: ConnectionLedger
  let timeouts: GuestTimeouts
  let date: HTTPDate
}

/// Performs what ``GuestExchange`` decides, on one connection.
final class GuestConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let shared: GuestServerContext
  private let network: NetworkID?
  private let source: IPAddress
  private var exchange: GuestExchange
  private var context: ChannelHandlerContext?
  private var readIsPending = false
  private var timer: Scheduled<Void>?
  private var isPumping = false
  /// Set while a `.wait` is out, so that a late answer finds its request or nothing.
  private var awaited: (number: UInt64, request: ParsedRequest)?
  private var requestNumber: UInt64 = 0

  init(shared: GuestServerContext, network: NetworkID?, source: IPAddress) {
    self.shared = shared
    self.network = network
    self.source = source
    exchange = GuestExchange(timeouts: shared.timeouts, now: GuestConnectionHandler.now())
  }

  private static func now() -> Int {
    Int(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds / 1_000_000)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    armTimer(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    shared.ledger.release(source)
    timer?.cancel()
    timer = nil
    awaited = nil
    self.context = nil
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    exchange.received(unwrapInboundIn(data).readableBytesView)
    pump(context)
  }

  /// Reading stops while an answer is out and enough is buffered: the kernel tells the guest.
  func read(context: ChannelHandlerContext) {
    if exchange.wantsInput {
      context.read()
    } else {
      readIsPending = true
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      exchange.inputEnded()
      pump(context)
    case is ChannelShouldQuiesceEvent:
      exchange.drain(now: GuestConnectionHandler.now())
      armTimer(context)
      pump(context)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    exchange.writability(context.channel.isWritable, now: GuestConnectionHandler.now())
    if context.channel.isWritable { pump(context) } else { armTimer(context) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // The guest reset the connection or the kernel gave up on it: there is nobody to answer.
    context.close(promise: nil)
  }

  // MARK: Doing what the exchange says

  private func pump(_ context: ChannelHandlerContext) {
    guard !isPumping else { return }
    isPumping = true
    defer { isPumping = false }
    var wrote = false
    while context.channel.isWritable,
      let action = exchange.next(now: GuestConnectionHandler.now())
    {
      if perform(action, context, &wrote) { break }
    }
    if wrote { context.flush() }
    if readIsPending && exchange.wantsInput {
      readIsPending = false
      context.read()
    }
  }

  /// - Returns: Whether there is nothing more to do for now.
  private func perform(
    _ action: GuestExchange.Action, _ context: ChannelHandlerContext, _ wrote: inout Bool
  ) -> Bool {
    switch action {
    case .ask(let request): return ask(request, context, &wrote)
    case .refuse(let refusal):
      shared.service.counters.increment("refusals.\(refusal.code)")
      send(
        GuestAnswer(refusal: refusal), GuestExchange.Delivery(keepAlive: false, headOnly: false),
        context)
      wrote = true
    case .sendContinue:
      var buffer = context.channel.allocator.buffer(capacity: 32)
      buffer.writeStaticString(ResponseWriter.continueLine)
      context.write(wrapOutboundOut(buffer), promise: nil)
      wrote = true
    case .close:
      context.close(promise: nil)
      return true
    }
    return false
  }

  private func ask(
    _ request: ParsedRequest, _ context: ChannelHandlerContext, _ wrote: inout Bool
  ) -> Bool {
    let outcome = shared.service.answer(
      GuestRequest(
        method: request.method, target: request.target, network: network, source: source,
        body: request.body))
    switch outcome {
    case .answer(let answer):
      deliver(answer, context)
      wrote = true
      return false
    case .wait(let pending):
      requestNumber &+= 1
      let number = requestNumber
      awaited = (number: number, request: request)
      let loop = context.eventLoop
      let bound = NIOLoopBound(self, eventLoop: loop)
      let job = PendingAnswers.Job(pending: pending) { answer in
        loop.execute { bound.value.late(answer, number) }
      }
      if !shared.pending.add(job) {
        awaited = nil
        shared.service.abandon(pending)
        deliver(GuestAnswer(refusal: .tooManyPending), context)
        wrote = true
        return false
      }
      return true
    }
  }

  /// An answer that was waited for; the connection may be gone.
  private func late(_ answer: GuestAnswer, _ number: UInt64) {
    guard let context, awaited?.number == number else { return }
    awaited = nil
    deliver(answer, context)
    context.flush()
    pump(context)
  }

  private func deliver(_ answer: GuestAnswer, _ context: ChannelHandlerContext) {
    guard let delivery = exchange.answered() else { return }
    send(answer, delivery, context)
  }

  private func send(
    _ answer: GuestAnswer, _ delivery: GuestExchange.Delivery, _ context: ChannelHandlerContext
  ) {
    var buffer = context.channel.allocator.buffer(capacity: answer.body.count + 256)
    ResponseWriter.write(answer, delivery, date: shared.date.text, into: &buffer)
    context.write(wrapOutboundOut(buffer), promise: nil)
    exchange.sent(keepAlive: delivery.keepAlive, now: GuestConnectionHandler.now())
    guard !delivery.keepAlive else { return }
    context.flush()
    context.close(mode: .output, promise: nil)
    armTimer(context)
  }

  // MARK: Time

  /// One timer a connection: it looks whether the deadline has come and, if not, sleeps on.
  private func armTimer(_ context: ChannelHandlerContext) {
    timer?.cancel()
    let now = GuestConnectionHandler.now()
    let wait = max(1, (exchange.deadline ?? now + shared.timeouts.idle) - now)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: .milliseconds(Int64(wait))) { bound.value.tick() }
  }

  private func tick() {
    guard let context else { return }
    if let action = exchange.tick(now: GuestConnectionHandler.now()) {
      var wrote = false
      _ = perform(action, context, &wrote)
      if wrote { context.flush() }
    }
    if self.context != nil { armTimer(context) }
  }
}

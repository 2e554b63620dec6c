import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends connections that do not go on: on which nothing is asked, whose request does not come to its end,
/// after a time or soon after it has been answered, as when nobody may send it; and those whose answer is
/// not read. Who reads slowly has all the time that it takes.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let bounds: ControlBounds
  private var isReading = false
  /// Requests that have begun to come and are not answered yet.
  private var requests = 0
  private var deadline: Scheduled<Void>?
  /// The next look at whether the connection has gone on.
  private var look: Scheduled<Void>?
  private var goneOnAt = NIODeadline.now()
  /// Bytes of answers that waited at the last look for the other end to read.
  private var waitingBytes = 0

  /// Looks in the time for which a connection may stand still.
  private static let looks = 4

  init(_ bounds: ControlBounds) { self.bounds = bounds }

  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { start(context) }
  }

  func channelActive(context: ChannelHandlerContext) {
    start(context)
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    goneOnAt = .now()
    switch unwrapInboundIn(data) {
    case .head(let head):
      isReading = true
      requests += 1
      // An apply's documents may be made while they are sent; the idle limit holds for it.
      if head.path?.hasPrefix("/v1/apply") != true {
        close(context, after: bounds.bodyMilliseconds)
      }
    case .body: break
    case .end:
      isReading = false
      deadline?.cancel()
      deadline = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      goneOnAt = .now()
      requests = max(0, requests - 1)
      if isReading { close(context, after: bounds.lingerMilliseconds) }
    }
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    cancel()
    context.fireChannelInactive()
  }

  // MARK: Steps

  private func start(_ context: ChannelHandlerContext) {
    goneOnAt = .now()
    lookLater(context)
  }

  private func lookLater(_ context: ChannelHandlerContext) {
    let interval = TimeAmount.milliseconds(Int64(bounds.idleMilliseconds / RequestPace.looks))
    look?.cancel()
    look = context.eventLoop.assumeIsolated().scheduleTask(in: interval) {
      self.look(context)
    }
  }

  private func look(_ context: ChannelHandlerContext) {
    let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    let isAnswered = requests > 0 && !isReading && waiting == 0
    if waiting != waitingBytes || isAnswered { goneOnAt = .now() }
    waitingBytes = waiting
    if NIODeadline.now() - goneOnAt >= .milliseconds(Int64(bounds.idleMilliseconds)) {
      context.close(promise: nil)
    } else {
      lookLater(context)
    }
  }

  private func cancel() {
    deadline?.cancel()
    look?.cancel()
  }

  private func close(_ context: ChannelHandlerContext, after milliseconds: Int) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
      channel.close(promise: nil)
    }
  }
}

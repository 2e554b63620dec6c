import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends connections whose request does not come to its end: after a time, and soon after it has been
/// answered, as when nobody may send it; and those whose answer is not taken.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let bounds: ControlBounds
  private var isReading = false
  private var deadline: Scheduled<Void>?
  /// Runs while what was written waits for the other end to read it.
  private var stall: Scheduled<Void>?

  init(_ bounds: ControlBounds) { self.bounds = bounds }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      isReading = true
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
    if case .end = unwrapOutboundIn(data), isReading {
      close(context, after: bounds.lingerMilliseconds)
    }
    context.write(data, promise: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = context.channel.isWritable ? nil : closing(context, after: bounds.idleMilliseconds)
    context.fireChannelWritabilityChanged()
  }

  func handlerRemoved(context: ChannelHandlerContext) { cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    cancel()
    context.fireChannelInactive()
  }

  private func cancel() {
    deadline?.cancel()
    stall?.cancel()
  }

  private func close(_ context: ChannelHandlerContext, after milliseconds: Int) {
    deadline?.cancel()
    deadline = closing(context, after: milliseconds)
  }

  private func closing(_ context: ChannelHandlerContext, after milliseconds: Int) -> Scheduled<Void>
  {
    let channel = context.channel
    return context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
      channel.close(promise: nil)
    }
  }
}

import ControlAPI
import HTTPTypes
import Inventory
import NIOCore
import NIOHTTPTypes

/// Ends connections whose request does not come to its end: after a time, and soon after it has been
/// answered, as when nobody may send it.
final class RequestPace: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private var isReading = false
  private var deadline: Scheduled<Void>?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      isReading = true
      // An apply's documents may be made while they are sent; the idle limit holds for it.
      if head.path?.hasPrefix("/v1/apply") != true {
        close(context, after: Limits.controlBodyMilliseconds)
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
      close(context, after: Limits.controlLingerMilliseconds)
    }
    context.write(data, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  private func close(_ context: ChannelHandlerContext, after milliseconds: Int) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
      channel.close(promise: nil)
    }
  }
}

import CNIOLinux
import Inventory
public import Logging
public import MetadataService
public import NIOCore
import NIOExtras
import NIOPosix
public import ServiceLifecycle

/// The guests' side: listens, reads requests, writes answers.
public struct GuestServer: Service {
  private let shared: GuestServerContext
  private let listeners: [ListenerConfiguration]
  private let group: any EventLoopGroup
  private let logger: Logger
  private let onReady: @Sendable ([String]) async -> Void

  /// - Parameters:
  ///   - now: Seconds since 1970, for the Date header.
  ///   - onReady: Called once all listen, with the addresses and ports.
  public init(
    service: MetadataService, listeners: [ListenerConfiguration],
    timeouts: GuestTimeouts = GuestTimeouts(), group: any EventLoopGroup, logger: Logger,
    now: @escaping @Sendable () -> Int,
    onReady: @escaping @Sendable ([String]) async -> Void = { _ in }
  ) {
    shared = GuestServerContext(
      service: service, pending: PendingAnswers(), ledger: ConnectionLedger(),
      timeouts: timeouts, date: HTTPDate(now: now))
    self.listeners = listeners
    self.group = group
    self.logger = logger
    self.onReady = onReady
  }

  /// Serves until a graceful shutdown is asked for, then finishes what is in flight.
  public func run() async throws {
    let quiescing = ServerQuiescingHelper(group: group)
    var channels: [any Channel] = []
    do {
      for listener in listeners {
        channels.append(try await bind(listener, quiescing))
      }
    } catch {
      for channel in channels { try? await channel.close() }
      throw error
    }
    let endpoints = channels.map { channel in
      channel.localAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
    }
    logger.info("listening for guests", metadata: ["on": "\(endpoints.joined(separator: " "))"])
    await withDiscardingTaskGroup { [shared] group in
      group.addTask { await shared.pending.run(shared.service) }
      await onReady(endpoints)
      try? await gracefulShutdown()
      let drained = self.group.any().makePromise(of: Void.self)
      quiescing.initiateShutdown(promise: drained)
      try? await drained.futureResult.get()
      shared.pending.finish()
    }
    logger.info("no more guests")
  }

  private func bind(_ listener: ListenerConfiguration, _ quiescing: ServerQuiescingHelper)
    async throws -> any Channel
  {
    let descriptor = try ListeningSocket.open(listener)
    let network = listener.network
    return try await ServerBootstrap(group: group)
      .serverChannelInitializer { [logger] channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(
            AcceptErrorHandler(logger: logger),
            quiescing.makeServerChannelHandler(channel: channel))
        }
      }
      .childChannelInitializer { [shared, logger] channel in
        channel.eventLoop.makeCompletedFuture {
          try GuestServer.initialize(channel, shared, network, logger)
        }
      }
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .withBoundSocket(descriptor)
      .get()
  }

  private static func initialize(
    _ channel: any Channel, _ shared: GuestServerContext, _ network: NetworkID?, _ logger: Logger
  ) throws {
    guard let source = channel.remoteAddress.flatMap(IPAddress.init) else {
      channel.close(promise: nil)
      return
    }
    guard shared.ledger.take(source) else {
      shared.service.counters.increment("refusals.\(Refusal.tooManyConnections.code)")
      logger.debug("too many connections", metadata: ["source": "\(source)"])
      try channel.pipeline.syncOperations.addHandler(OverflowHandler(date: shared.date))
      return
    }
    try channel.pipeline.syncOperations.addHandler(
      GuestConnectionHandler(shared: shared, network: network, source: source))
  }
}

extension IPAddress {
  /// The address of a connection's other end; the zone of a link-local one is the listener's.
  init?(_ address: SocketAddress) {
    switch address {
    case .v4(let v4): self = .v4(UInt32(bigEndian: v4.address.sin_addr.s_addr))
    case .v6(let v6):
      let bytes = unsafe withUnsafeBytes(of: v6.address.sin6_addr) { unsafe Array($0) }
      self.init(v6Bytes: bytes)
    case .unixDomainSocket: return nil
    }
  }
}

/// Answers one connection too many, without reading it.
private final class OverflowHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let date: HTTPDate

  init(date: HTTPDate) { self.date = date }

  func channelActive(context: ChannelHandlerContext) {
    var buffer = context.channel.allocator.buffer(capacity: 256)
    ResponseWriter.write(
      GuestAnswer(refusal: .tooManyConnections),
      GuestExchange.Delivery(keepAlive: false, headOnly: false), date: date.text, into: &buffer)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    context.close(promise: nil)
  }
}

/// Says why connections cannot be accepted, once a minute; NIO itself waits a moment and goes on.
private final class AcceptErrorHandler: ChannelInboundHandler {
  typealias InboundIn = any Channel
  private let logger: Logger
  private var lastLogged: NIODeadline?

  init(logger: Logger) { self.logger = logger }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let now = NIODeadline.now()
    if lastLogged.map({ now - $0 > .minutes(1) }) ?? true {
      lastLogged = now
      logger.error("connections cannot be accepted for a moment", metadata: ["error": "\(error)"])
    }
    context.fireErrorCaught(error)
  }
}

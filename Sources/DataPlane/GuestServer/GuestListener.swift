import Glibc
import Inventory
import Logging
import NIOCore
import NIOPosix

/// An open listener.
struct GuestListener: Sendable {
  let id: ListenerID
  let configuration: ListenerConfiguration
  let channel: any Channel

  /// Connections that the kernel holds until they are accepted: a rack that boots at once. The
  /// kernel lowers it to its own limit, net.core.somaxconn.
  static let backlog: CInt = 4096
  /// What is done at a time for one listener; other events of the loop come between.
  private static let maximumAcceptsPerRound: UInt = 32

  /// The port, as the system chose it where 0 was asked for.
  var port: Int { channel.localAddress?.port ?? configuration.port }

  /// Opens a listener.
  /// - Parameters:
  ///   - id: What its connections are entered under.
  ///   - loops: What the connections of each event loop of the group share.
  ///   - links: Says what the kernel knows of the way to a guest; nil where nobody does.
  /// - Throws: ``ListenError``, which names the address, the port and the way out.
  static func open(
    _ configuration: ListenerConfiguration, id: ListenerID, group: any EventLoopGroup,
    loops: EventLoopResources, links: LinkLookup? = nil, logger: Logger
  ) async throws(ListenError) -> GuestListener {
    let bootstrap = makeBootstrap(configuration, id, group, loops, links, logger)
    do {
      let channel: any Channel
      if let descriptor = configuration.fileDescriptor {
        do {
          try configuration.check(descriptor: descriptor)
        } catch {
          configuration.closeDescriptor()
          throw error
        }
        // From here on it is the channel's, which closes it on each way out.
        channel = try await bootstrap.withBoundSocket(descriptor).get()
        // Taking a socket over sets its backlog to a small default.
        _ = listen(descriptor, backlog)
      } else {
        let address = try configuration.socketAddress()
        let device = try configuration.deviceName()
        channel = try await bootstrap.serverChannelInitializer { channel in
          prepare(channel, configuration, logger).flatMap { bind(channel, toDevice: device) }
            .flatMap {
              device == nil
                ? channel.eventLoop.makeSucceededVoidFuture()
                : bindFreely(channel, isIPv4: configuration.address.isIPv4)
            }
        }.bind(to: address).get()
      }
      return GuestListener(id: id, configuration: configuration, channel: channel)
    } catch let error as ListenError {
      throw error
    } catch {
      throw ListenError(configuration, underlying: error)
    }
  }

  private static func makeBootstrap(
    _ configuration: ListenerConfiguration, _ id: ListenerID, _ group: any EventLoopGroup,
    _ loops: EventLoopResources, _ links: LinkLookup?, _ logger: Logger
  ) -> ServerBootstrap {
    let network = configuration.network
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: backlog)
      .serverChannelOption(.maxMessagesPerRead, value: maximumAcceptsPerRound)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // Connections inherit it, which saves a system call for each.
      .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(
          minimum: 1024, initial: 2048, maximum: GuestExchange.maximumReadBytes)
      )
      .serverChannelInitializer { prepare($0, configuration, logger) }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            GuestConnectionHandler(
              resources: loops.resources(of: channel.eventLoop), network: network, listener: id,
              links: links))
        }
      }
    guard !configuration.address.isIPv4, configuration.fileDescriptor == nil else {
      return bootstrap
    }
    // IPv4 guests have listeners of their own; here they would be the same guests by another name.
    return bootstrap.serverChannelOption(
      ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
  }

  private static func prepare(
    _ channel: any Channel, _ configuration: ListenerConfiguration, _ logger: Logger
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(
        AcceptFailures(configuration: configuration, logger: logger))
    }
  }

  private static func bind(_ channel: any Channel, toDevice device: DeviceName?)
    -> EventLoopFuture<Void>
  {
    guard let device, let socket = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    return socket.unsafeSetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_BINDTODEVICE),
      value: device)
  }

  /// Lets the socket have an address that is not among the host's own: a local redirect keeps the
  /// metadata addresses out of the table that says which are.
  private static func bindFreely(_ channel: any Channel, isIPv4: Bool) -> EventLoopFuture<Void> {
    guard let socket = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeSucceededVoidFuture()
    }
    // IP_FREEBIND and, from linux/in6.h, IPV6_FREEBIND.
    let option = NIOBSDSocket.Option(rawValue: isIPv4 ? 15 : 78)
    return socket.unsafeSetSocketOption(
      level: isIPv4 ? .ip : .ipv6, name: option, value: CInt(1))
  }
}

/// What the connections of each event loop share, made once for each loop.
struct EventLoopResources: Sendable {
  private let boxes: [ObjectIdentifier: NIOLoopBoundBox<LoopResources>]
  private let shared: SharedResources

  init(group: any EventLoopGroup, shared: SharedResources) {
    self.shared = shared
    var boxes: [ObjectIdentifier: NIOLoopBoundBox<LoopResources>] = [:]
    for loop in group.makeIterator() {
      boxes[ObjectIdentifier(loop)] = NIOLoopBoundBox.makeBoxSendingValue(
        LoopResources(shared: shared), eventLoop: loop)
    }
    self.boxes = boxes
  }

  /// Called on the loop itself.
  func resources(of loop: any EventLoop) -> LoopResources {
    boxes[ObjectIdentifier(loop)]?.value ?? LoopResources(shared: shared)
  }
}

/// Stops accepting for a moment when it fails, as where the process has no file descriptors left,
/// and says so.
///
/// The connection stays in the kernel's queue and asking for it again at once would spin. NIO's own
/// AcceptBackoffHandler delays the next read, but after a failure the last one still counts as
/// pending, and the socket is polled on (swift-nio 2.101). Without automatic reading it is not.
final class AcceptFailures: ChannelInboundHandler {
  typealias InboundIn = any Channel

  static let pause = TimeAmount.milliseconds(250)
  /// No more is said within it.
  static let quietTime = TimeAmount.seconds(10)

  private let configuration: ListenerConfiguration
  private let logger: Logger
  private var isPaused = false
  private var quietUntil: NIODeadline?

  init(configuration: ListenerConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A guest that was gone before it was accepted hinders nobody.
    guard (error as? IOError)?.errnoCode != ECONNABORTED else { return }
    tell(of: error, context.eventLoop.now)
    guard !isPaused else { return }
    isPaused = true
    setAccepting(false, context.channel)
    let channel = context.channel
    context.eventLoop.assumeIsolated().scheduleTask(in: AcceptFailures.pause) {
      self.isPaused = false
      self.setAccepting(true, channel)
    }
  }

  private func setAccepting(_ isAccepting: Bool, _ channel: any Channel) {
    // It fails only on a channel that is closed.
    try? channel.syncOptions?.setOption(.autoRead, value: isAccepting)
  }

  private func tell(of error: any Error, _ now: NIODeadline) {
    if let quietUntil, now < quietUntil { return }
    quietUntil = now + AcceptFailures.quietTime
    let isOutOfDescriptors = [EMFILE, ENFILE].contains((error as? IOError)?.errnoCode)
    logger.error(
      "cannot accept connections\(isOutOfDescriptors ? "; raise the limit on open files" : "")",
      metadata: ["listener": "\(configuration)", "error": "\(error)"])
  }
}

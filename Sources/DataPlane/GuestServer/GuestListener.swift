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
  let accepted: AcceptedConnections

  /// Connections that the kernel holds until they are accepted: a rack that boots at once. The
  /// kernel lowers it to its own limit, net.core.somaxconn.
  static let backlog: CInt = 4096
  /// What is done at a time for one listener; other events of the loop come between.
  private static let maximumAcceptsPerRound: UInt = 16

  /// The port, as the system chose it where 0 was asked for.
  var port: Int { channel.localAddress?.port ?? configuration.port }

  /// Accepts nothing more, and closes the listener once what has been accepted is looked at. What
  /// is closed while an accepted connection changes event loops would reset that connection.
  func close() async {
    accepted.end()
    // Both fail only where the channel is closed.
    try? await channel.setOption(.autoRead, value: false).get()
    await accepted.allSeen()
    try? await channel.close().get()
  }

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
    let accepted = AcceptedConnections()
    let bootstrap = makeBootstrap(configuration, id, group, loops, links, accepted, logger)
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
        // It fails only on a channel that is closed.
        try? await boundBuffers(of: channel).get()
      } else {
        let address = try configuration.socketAddress()
        let device = try configuration.deviceName()
        channel = try await bootstrap.serverChannelInitializer { channel in
          prepare(channel, configuration, accepted, logger).flatMap { boundBuffers(of: channel) }
            .flatMap { bind(channel, toDevice: device) }
            .flatMap {
              device == nil
                ? channel.eventLoop.makeSucceededVoidFuture()
                : bindFreely(channel, isIPv4: configuration.address.isIPv4)
            }
        }.bind(to: address).get()
      }
      return GuestListener(
        id: id, configuration: configuration, channel: channel, accepted: accepted)
    } catch let error as ListenError {
      throw error
    } catch {
      throw ListenError(configuration, underlying: error)
    }
  }

  private static func makeBootstrap(
    _ configuration: ListenerConfiguration, _ id: ListenerID, _ group: any EventLoopGroup,
    _ loops: EventLoopResources, _ links: LinkLookup?, _ accepted: AcceptedConnections,
    _ logger: Logger
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
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(
          low: Limits.heldBytesOfAnyConnection / 2, high: Limits.heldBytesOfAnyConnection)
      )
      .childChannelOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(
          minimum: 1024, initial: 2048, maximum: GuestExchange.maximumReadBytes)
      )
      .serverChannelInitializer { prepare($0, configuration, accepted, logger) }
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            GuestConnectionHandler(
              resources: loops.resources(of: channel.eventLoop), network: network, listener: id,
              links: links, accepted: accepted))
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
    _ channel: any Channel, _ configuration: ListenerConfiguration,
    _ accepted: AcceptedConnections, _ logger: Logger
  ) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(
        AcceptGate(configuration: configuration, connections: accepted, logger: logger))
    }
  }

  /// Connections inherit it.
  private static func boundBuffers(of channel: any Channel) -> EventLoopFuture<Void> {
    channel.setOption(
      .socketOption(.so_rcvbuf), value: SocketOptionValue(Limits.socketReceiveBytes)
    ).flatMap {
      channel.setOption(.socketOption(.so_sndbuf), value: SocketOptionValue(Limits.socketSendBytes))
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

public import ControlAPI
import Glibc
import Hummingbird
import HummingbirdCore
public import Inventory
public import Logging
public import MetadataService
import NIOCore
public import ServiceLifecycle

/// The operators' side: the control API on a Unix socket and, where it is asked for, behind TLS on
/// an address of its own.
///
/// On the socket, only root, the daemon's own user and the users that were named get an answer; on
/// the network, only who has access. No guest's byte comes here: guests have listeners of their own.
public struct ControlServer: Service {
  /// What writes; the same that the socket's requests use.
  public let resources: ResourceService
  private let order: KeptOrder
  private let socketPath: String
  private let network: ControlNetwork?
  private let peers: PeerRule
  private let access: AccessHandlers
  private let logger: Logger
  private let status: @Sendable () -> JSONValue
  private let listeners: @Sendable () -> [ListenerState]
  private let telemetry: ControlTelemetry
  private let backups: BackupAccess
  private let bounds: ControlBounds
  private let succession: ControlSuccession?
  private let onListening: @Sendable () async -> Void

  /// - Parameters:
  ///   - socketPath: Where the socket's file goes; its directory must exist.
  ///   - allowedUIDs: Users who may ask besides root and the daemon's own.
  ///   - network: Where else it listens; nil for nowhere.
  ///   - now: Seconds since 1970.
  ///   - newID: A fresh id for an instance that declares none.
  ///   - randomBytes: As many bytes that nobody can guess.
  ///   - status: What the daemon adds to `/v1/health`, a map such as `{"version": "1.0"}`.
  ///   - listeners: Where guests are listened to.
  ///   - telemetry: What is measured.
  ///   - backups: The store's backups.
  ///   - bounds: What connections may take.
  ///   - succession: The daemon whose place this one takes, if there is one.
  ///   - onListening: Called once the socket is in its place and the network's listener is open.
  public init(
    service: MetadataService, store: any ControlStore, socketPath: String,
    allowedUIDs: Set<UInt32>, network: ControlNetwork? = nil, logger: Logger,
    now: @escaping @Sendable () -> Int, newID: @escaping @Sendable () -> InstanceID,
    randomBytes: @escaping @Sendable (Int) -> [UInt8], status: @escaping @Sendable () -> JSONValue,
    listeners: @escaping @Sendable () -> [ListenerState] = { [] },
    telemetry: ControlTelemetry,
    backups: BackupAccess = .none, bounds: ControlBounds = ControlBounds(),
    succession: ControlSuccession? = nil,
    onListening: @escaping @Sendable () async -> Void = {}
  ) {
    resources = ResourceService(service: service, store: store, now: now, newID: newID)
    order = KeptOrder(of: service.catalog)
    self.socketPath = socketPath
    self.network = network
    peers = PeerRule(ownUID: geteuid(), allowedUIDs: allowedUIDs)
    access = AccessHandlers(
      book: AccessBook(store: store, now: now), store: store, now: now, randomBytes: randomBytes)
    self.logger = logger
    self.status = status
    self.listeners = listeners
    self.telemetry = telemetry
    self.backups = backups
    self.bounds = bounds
    self.succession = succession
    self.onListening = onListening
  }

  /// Serves until the service group shuts down.
  /// - Throws: ``SocketFileError`` where the socket cannot be opened, ``ControlListenError`` where
  ///   the network's listener cannot, a ``StoreError`` where access cannot be read.
  public func run() async throws {
    try await access.book.load()
    let identity = try network.map { try ServerIdentity($0.files, logger: logger) }
    let file = try SocketFile(path: socketPath, replaces: succession != nil)
    defer { file.remove() }
    let (running, continuation) = AsyncStream.makeStream(of: Opened.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await socketApplication(at: file.bindPath) { continuation.yield(.socket) }.run()
      }
      if let network, let identity {
        group.addTask {
          defer { continuation.finish() }
          await succession?.networkIsFree?()
          try await run(network, identity) { continuation.yield(.network(port: $0)) }
        }
      }
      group.addTask { await cancelWhenGracefulShutdown { await order.run() } }
      try await open(running, file)
      try await group.waitForAll()
    }
  }

  /// Puts the socket into its place once all is open that need not wait for another daemon.
  private func open(_ running: AsyncStream<Opened>, _ file: SocketFile) async throws {
    var (isBound, isPublished) = (false, false)
    var isNetworkOpen = network == nil
    for await opened in running {
      switch opened {
      case .socket: isBound = true
      case .network(let port):
        isNetworkOpen = true
        logger.info(
          "control listener open",
          metadata: ["address": "\(network?.address.description ?? "")", "port": "\(port)"])
        network?.onListening(port)
      }
      if isBound, !isPublished, isNetworkOpen || succession?.networkIsFree != nil {
        succession?.onPrepared()
        await succession?.socketIsFree()
        try file.publish()
        isPublished = true
        logger.info("control socket open", metadata: ["path": "\(socketPath)"])
      }
      if isPublished, isNetworkOpen { await onListening() }
    }
  }

  private enum Opened {
    case socket
    case network(port: Int)
  }

  // MARK: Listeners

  private func socketApplication(
    at path: String, onRunning: @escaping @Sendable () -> Void
  ) -> Application<ControlResponder> {
    application(
      .socket(peers), nil,
      ConnectionPlaces(
        limit: bounds.socketConnections, perAddress: bounds.socketConnections),
      at: .unixDomainSocket(path: path)
    ) { _ in onRunning() }
  }

  private func run(
    _ network: ControlNetwork, _ identity: ServerIdentity,
    onRunning: @escaping @Sendable (_ port: Int) -> Void
  ) async throws {
    let gate = NetworkGate(book: access.book, now: resources.now) { telemetry.note($0) }
    let application = application(
      .network(gate), identity,
      ConnectionPlaces(
        limit: bounds.networkConnections, perAddress: bounds.networkConnectionsPerAddress),
      at: .hostname(network.address.description, port: network.port)
    ) { channel in onRunning(channel.localAddress?.port ?? network.port) }
    do {
      try await application.run()
    } catch let error as IOError {
      throw ControlListenError(
        description: "control_listen: \(network.address) port \(network.port) cannot be opened "
          + "(\(unsafe String(cString: strerror(error.errnoCode)))); name an address of this host "
          + "and a port that nobody has")
    }
  }

  private func application(
    _ gate: Gate, _ identity: ServerIdentity?, _ places: ConnectionPlaces, at address: BindAddress,
    onRunning: @escaping @Sendable (any Channel) -> Void
  ) -> Application<ControlResponder> {
    var serverLogger = logger
    // The library tells of the path that the socket is bound at before it is renamed.
    serverLogger.logLevel = max(logger.logLevel, .warning)
    let configuration = HTTP1Channel.Configuration(
      // It closes what is idle; the library's own limit would cut off who reads an answer slowly.
      additionalChannelHandlers: [RequestPace(bounds)], idleTimeout: nil,
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: Limits.maximumControlHeadBytes,
        maxHeaderListSize: Limits.maximumControlHeadBytes,
        maxHeaderFieldCount: Limits.maximumControlHeaders))
    return Application(
      responder: ControlResponder(
        resources: resources, order: order, gate: gate, access: access, logger: logger,
        status: status,
        listeners: listeners, telemetry: telemetry, backups: backups,
        loadingMilliseconds: bounds.loadingMilliseconds),
      server: HTTPServerBuilder { responder in
        ControlChannel(
          base: HTTP1Channel(responder: responder, configuration: configuration),
          identity: identity, places: places)
      },
      configuration: ApplicationConfiguration(address: address),
      onServerRunning: { channel in onRunning(channel) },
      logger: serverLogger)
  }
}

/// What there is to wait for where another daemon has the sockets still.
public struct ControlSuccession: Sendable {
  /// Called once nothing can fail any more but what has to wait.
  public var onPrepared: @Sendable () -> Void
  /// Returns when the socket's place is to be taken.
  public var socketIsFree: @Sendable () async -> Void
  /// Returns when the network's address and port can be had; nil where nobody has them.
  public var networkIsFree: (@Sendable () async -> Void)?

  public init(
    onPrepared: @escaping @Sendable () -> Void,
    socketIsFree: @escaping @Sendable () async -> Void,
    networkIsFree: (@Sendable () async -> Void)?
  ) {
    self.onPrepared = onPrepared
    self.socketIsFree = socketIsFree
    self.networkIsFree = networkIsFree
  }
}

/// Where the control API listens on the network.
public struct ControlNetwork: Sendable {
  public var address: IPAddress
  /// 0 for one that the system chooses.
  public var port: Int
  public var files: ControlTLSFiles
  /// Is told the port once it is open.
  public var onListening: @Sendable (_ port: Int) -> Void

  public init(
    address: IPAddress, port: Int, files: ControlTLSFiles,
    onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }
  ) {
    self.address = address
    self.port = port
    self.files = files
    self.onListening = onListening
  }
}

public import ControlAPI
import Glibc
import Hummingbird
public import Inventory
public import Logging
public import MetadataService
import NIOCore
public import ServiceLifecycle

/// The operators' side: the control API on a Unix socket.
///
/// It never listens where guests can connect. Only root, the daemon's own user and the users that
/// were named get an answer.
public struct ControlServer: Service {
  /// What writes; the same that the socket's requests use.
  public let resources: ResourceService
  private let socketPath: String
  private let peers: PeerRule
  private let logger: Logger
  private let status: @Sendable () -> JSONValue
  private let listeners: @Sendable () -> [ListenerState]
  private let onListening: @Sendable () async -> Void

  /// - Parameters:
  ///   - socketPath: Where the socket's file goes; its directory must exist.
  ///   - allowedUIDs: Users who may ask besides root and the daemon's own.
  ///   - now: Seconds since 1970.
  ///   - newID: A fresh id for an instance that declares none.
  ///   - status: What the daemon adds to `/v1/health`, a map such as `{"version": "1.0"}`.
  ///   - listeners: Where guests are listened to.
  ///   - onListening: Called once the socket is in its place.
  public init(
    service: MetadataService, store: any InventoryStore, socketPath: String,
    allowedUIDs: Set<UInt32>, logger: Logger, now: @escaping @Sendable () -> Int,
    newID: @escaping @Sendable () -> InstanceID, status: @escaping @Sendable () -> JSONValue,
    listeners: @escaping @Sendable () -> [ListenerState] = { [] },
    onListening: @escaping @Sendable () async -> Void = {}
  ) {
    resources = ResourceService(service: service, store: store, now: now, newID: newID)
    self.socketPath = socketPath
    peers = PeerRule(ownUID: geteuid(), allowedUIDs: allowedUIDs)
    self.logger = logger
    self.status = status
    self.listeners = listeners
    self.onListening = onListening
  }

  /// Serves until the service group shuts down.
  /// - Throws: ``SocketFileError`` where the socket cannot be opened.
  public func run() async throws {
    let file = try SocketFile(path: socketPath)
    defer { file.remove() }
    let (running, continuation) = AsyncStream.makeStream(of: Void.self)
    let application = application(at: file.bindPath) {
      continuation.yield()
      continuation.finish()
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        try await application.run()
      }
      for await _ in running {
        try file.publish()
        logger.info("control socket open", metadata: ["path": "\(socketPath)"])
        await onListening()
      }
      try await group.waitForAll()
    }
  }

  private func application(
    at path: String, onRunning: @escaping @Sendable () -> Void
  ) -> Application<ControlResponder> {
    var serverLogger = logger
    // The library tells of the path that the socket is bound at before it is renamed.
    serverLogger.logLevel = max(logger.logLevel, .warning)
    return Application(
      responder: ControlResponder(
        resources: resources, peers: peers, logger: logger, status: status,
        listeners: listeners),
      configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
      onServerRunning: { _ in onRunning() },
      logger: serverLogger)
  }
}

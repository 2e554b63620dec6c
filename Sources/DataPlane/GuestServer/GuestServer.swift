import Inventory
public import Logging
public import MetadataService
public import ServiceLifecycle

/// The guests' side: listens, reads requests, sends what the metadata service answers.
public struct GuestServer: Service {
  /// A listener that is open.
  public struct BoundListener: Sendable, Hashable {
    public var configuration: ListenerConfiguration
    /// The port, as the system chose it where 0 was asked for.
    public var port: Int
  }

  /// What guests use at the moment.
  public struct Usage: Sendable, Hashable {
    public var connections: Int
    /// Bytes of their input and output that are kept.
    public var heldBytes: Int
    /// Addresses whose use is remembered.
    public var addresses: Int
    /// Requests that wait for a record, a change, a store or vendor data.
    public var waitingRequests = 0
  }

  /// A listener closed by itself; the text says which.
  public struct ListenerLost: Error, Sendable, Hashable, CustomStringConvertible {
    public let listener: ListenerConfiguration
    public var description: String { "the listener at \(listener) is gone" }
  }

  /// The listeners that are open; more may come and go while the server runs.
  public let listeners: ListenerSet
  private let lasting: [ListenerConfiguration]
  private let links: LinkLookup?
  private let logger: Logger
  private let shared: SharedResources
  private let loops: GuestLoops
  private let drainTimeout: Duration
  private let onReady: @Sendable ([BoundListener]) -> Void

  /// - Parameters:
  ///   - listeners: These last as long as the server: it ends where one is lost.
  ///   - loops: Serve the connections. They are not stopped here.
  ///   - links: Says what the kernel knows of the way to a guest, for `listeners`; nil where nobody
  ///     does.
  ///   - drainTimeout: How long a graceful shutdown waits for answers that are under way.
  ///   - onReady: Called once all listeners are open.
  public init(
    service: MetadataService, listeners: [ListenerConfiguration],
    loops: GuestLoops, logger: Logger, timeouts: Timeouts = Timeouts(),
    limits: ConnectionLimits = ConnectionLimits(), rates: RateLimits = RateLimits(),
    links: LinkLookup? = nil, drainTimeout: Duration = .seconds(8),
    onReady: @escaping @Sendable ([BoundListener]) -> Void = { _ in }
  ) {
    lasting = listeners
    self.links = links
    self.logger = logger
    self.loops = loops
    self.drainTimeout = drainTimeout
    self.onReady = onReady
    shared = SharedResources(
      service: service,
      pending: PendingAnswers(service: service, limit: limits.pendingRequests),
      ledger: ConnectionLedger(limits: limits, rates: rates),
      notes: RefusalNotes(logger: logger, counters: service.counters), timeouts: timeouts)
    self.listeners = ListenerSet(
      shared: shared, loops: loops, drainTimeout: drainTimeout, logger: logger)
  }

  public var usage: Usage {
    var usage = shared.ledger.usage
    usage.waitingRequests = shared.pending.waiting
    return usage
  }

  /// Serves until a graceful shutdown or cancellation. A server runs once.
  /// - Throws: ``ListenError`` where a listener cannot be opened, ``ListenerLost`` where one
  ///   closes by itself.
  public func run() async throws {
    let (losses, lost) = AsyncStream<ListenerConfiguration>.makeStream()
    let open = try await openListeners(lost)
    onReady(open.map { BoundListener(configuration: $0.configuration, port: $0.port) })
    for listener in open {
      logger.info(
        "listening for guests",
        metadata: [
          "listener": "\(listener.configuration)", "port": "\(listener.port)",
          "network": "\(listener.configuration.network?.text ?? "any")",
        ])
    }
    let ending = await withDiscardingTaskGroup { group in
      group.addTask { await shared.pending.run() }
      let ending = await waitForEnding(losses)
      shared.service.endChangeWaits()
      await listeners.close()
      await drain(gracefully: ending != .cancelled)
      shared.pending.close()
      group.cancelAll()
      return ending
    }
    if case .lost(let listener) = ending { throw ListenerLost(listener: listener) }
  }

  private func openListeners(_ lost: AsyncStream<ListenerConfiguration>.Continuation)
    async throws -> [GuestListener]
  {
    var open: [GuestListener] = []
    do {
      for configuration in lasting {
        open.append(
          try await listeners.open(
            configuration, onLost: { lost.yield(configuration) }, links: links))
      }
    } catch {
      await listeners.close()
      throw error
    }
    return open
  }

  // MARK: Ending

  private enum Ending: Sendable, Hashable {
    case shutdown
    case cancelled
    case lost(ListenerConfiguration)
  }

  /// Returns when the server is to end.
  private func waitForEnding(_ losses: AsyncStream<ListenerConfiguration>) async -> Ending {
    await withTaskGroup(of: Ending.self) { group in
      group.addTask {
        do {
          try await gracefulShutdown()
          return .shutdown
        } catch {
          return .cancelled
        }
      }
      group.addTask {
        for await listener in losses { return .lost(listener) }
        return .cancelled
      }
      defer { group.cancelAll() }
      return await group.next() ?? .cancelled
    }
  }

  /// Has all connections end: at once, or once their answers are sent and within the bound.
  private func drain(gracefully isGraceful: Bool) async {
    shared.ledger.drain()
    if isGraceful {
      await loops.perform { $0.drain(nil, isListenerGone: false, &$1) }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await shared.ledger.waitUntilEmpty() }
        group.addTask { try? await Task.sleep(for: drainTimeout) }
        await group.next()
        group.cancelAll()
      }
    }
    let late = shared.ledger.open
    if isGraceful, late > 0 {
      logger.warning(
        "connections are closed without their answers", metadata: ["connections": "\(late)"])
    }
    await loops.perform { $0.closeConnections(of: nil, &$1) }
  }
}

import Dialects
import Inventory
import Logging
import MetadataService
import ServiceLifecycle
import Synchronization
import TestKit

@testable import GuestServer

/// A server on loopback, at ports that the system chose.
struct RunningServer: Sendable {
  /// How long an address that nobody has declared is held.
  enum Hold: Sendable {
    case never
    /// For no time: the wait ends as it begins.
    case briefly
    /// Until the record comes.
    case forever
  }

  let service: MetadataService
  let store: MemoryStore
  let ports: [Int]
  let listeners: ListenerSet
  let usage: @Sendable () -> GuestServer.Usage
  let loops: GuestLoops
  /// Has a value for each request that is held.
  let held: AsyncStream<Void>
  private let group: ServiceGroup

  var port: Int { ports.first ?? 0 }

  func connect(from source: String? = nil) async throws -> GuestClient {
    try await GuestClient.connect(to: port, from: source)
  }

  /// Begins the graceful shutdown.
  func shutDown() async { await group.triggerGracefulShutdown() }

  struct NotReady: Error {}

  /// Runs a server for the length of `body`, then shuts it down and waits for its end.
  static func with(
    hold: Hold = .never, timeouts: Timeouts = Timeouts(),
    limits: ConnectionLimits = ConnectionLimits(), rates: RateLimits = RateLimits(),
    hosts: HostRule = HostRule(), drainTimeout: Duration = .seconds(8), threads: Int = 2,
    listeners: [ListenerConfiguration] = [
      ListenerConfiguration(address: .v4(0x7F00_0001), port: 0)
    ],
    refused: @escaping @Sendable (GuestRequest, GuestAnswer) -> Void = { _, _ in },
    body: (RunningServer) async throws -> Void
  ) async throws {
    let (held, holds) = AsyncStream<Void>.makeStream()
    let (service, store) = service(hold, holds, hosts, refused)
    try await service.tokens.load { _ in }
    let (ready, readiness) = AsyncStream<[Int]>.makeStream()
    let loops = try GuestLoops.start(threads)
    defer { loops.stopSoon() }
    let server = GuestServer(
      service: service, listeners: listeners, loops: loops, logger: quiet, timeouts: timeouts,
      limits: limits, rates: rates, drainTimeout: drainTimeout
    ) { bound in
      readiness.yield(bound.map(\.port))
    }
    let group = ServiceGroup(services: [server], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { readiness.finish() }
        try await group.run()
      }
      var ports: [Int] = []
      for await bound in ready {
        ports = bound
        break
      }
      if ports.isEmpty { try await tasks.next() }
      try await body(
        RunningServer(
          service: service, store: store, ports: ports, listeners: server.listeners,
          usage: { server.usage }, loops: loops, held: held,
          group: group))
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  static func service(
    _ hold: Hold, _ holds: AsyncStream<Void>.Continuation, _ hosts: HostRule = HostRule(),
    _ refused: @escaping @Sendable (GuestRequest, GuestAnswer) -> Void = { _, _ in }
  ) -> (MetadataService, MemoryStore) {
    let catalog = LiveCatalog()
    catalog.replace(with: Catalog())
    let store = MemoryStore(catalog: catalog)
    let environment = MetadataService.Environment(
      now: { 1_700_000_000 }, randomBytes: { Array(repeating: 7, count: $0) },
      sleep: { _ in
        holds.yield()
        guard case .forever = hold else { return }
        for await _ in AsyncStream<Never>.makeStream().stream {}
        throw CancellationError()
      }, refused: refused)
    let isHeld = if case .never = hold { false } else { true }
    return (
      MetadataService(
        catalog: catalog, store: store, settings: RenderSettings(),
        unknownHold: isHeld ? .seconds(1) : .zero, hosts: hosts, environment: environment), store
    )
  }
}

extension RateLimits {
  /// For tests that ask more than a guest may.
  static let unbounded = RateLimits(
    guestRequests: Rate(perSecond: 0, burst: 1), guestBytes: Rate(perSecond: 0, burst: 1),
    requests: Rate(perSecond: 0, burst: 1), bytes: Rate(perSecond: 0, burst: 1))
}

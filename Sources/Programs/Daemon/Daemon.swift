import ControlAPI
import ControlServer
import CoreMetrics
import Dialects
import Foundation
import Glibc
import GuestServer
import HostNetwork
import Inventory
public import Logging
import Manifest
import MetadataService
import SQLiteStore
import ServiceLifecycle
import Synchronization
import Telemetry
import UnixSignals
import VendorDataClient

/// The version that the daemon and its API say.
public let nameplateVersion = "0.1.0"

/// `serve`: joins the rooms and runs them until it is told to stop.
public struct Daemon: Sendable {
  private let configuration: DaemonConfiguration
  private let manifests: [String]
  private let logger: Logger
  private let systemd: Systemd
  private let takesOver: Bool
  private let registry = MetricsRegistry()

  /// - Parameters:
  ///   - manifests: Files that are applied before the first guest is answered.
  ///   - takesOver: Whether it takes the place of a daemon that runs on the same state directory.
  public init(
    configuration: DaemonConfiguration, manifests: [String], logger: Logger, systemd: Systemd,
    takesOver: Bool = false
  ) {
    self.configuration = configuration
    self.manifests = manifests
    self.logger = logger
    self.systemd = systemd
    self.takesOver = takesOver
  }

  @Sendable private static func now() -> Int { time(nil) }

  /// Serves until SIGTERM or SIGINT, then finishes what is in flight.
  public func run() async throws {
    // Before anything is made that measures itself. A process has one daemon.
    MetricsSystem.bootstrap(registry)
    let predecessor =
      takesOver
      ? try await Predecessor.find(in: configuration.stateDirectory, logger: logger) : nil
    let store = try SQLiteStore(
      directory: configuration.stateDirectory, now: Daemon.now(),
      inheritedLock: predecessor?.lock)
    let catalog = LiveCatalog(defaultMetadataOptions: configuration.metadataOptions)
    let feed = CatalogFeed(store: store, catalog: catalog, logger: logger)
    // Manifests are applied before the first guest is answered, and a predecessor answers guests
    // better than a daemon that has read nothing yet.
    if !manifests.isEmpty || predecessor != nil { try await feed.load() }
    // Writes wait for it.
    if !manifests.isEmpty, store.isUnchecked { try await store.checkPages(isServing: false) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await feed.run() }
      try await serve(store, catalog, feed, predecessor)
      group.cancelAll()
    }
    store.close()
  }

  private func apply(_ manifests: [String], to resources: ResourceService) async throws {
    for path in manifests {
      let entries = try ManifestReading.entries(at: path)
      let documents = entries.map { ApplyDocument(resource: $0.resource, madeID: $0.madeID) }
      let context = WriteContext(Author(.daemon, "serve --apply"), "apply")
      let result: CommitResult
      do throws(Problem) {
        result = try await resources.apply(documents, by: context, dryRun: false)
      } catch {
        throw (RefusedDocument(error, among: entries[...]) as (any Error)?) ?? error
      }
      logger.info(
        "manifest applied",
        metadata: [
          "file": "\(path)", "documents": "\(documents.count)",
          "changed": "\(result.outcomes.count { $0.action != .unchanged })",
        ])
    }
  }

  private func serve(
    _ store: SQLiteStore, _ catalog: LiveCatalog, _ feed: CatalogFeed, _ predecessor: Predecessor?
  ) async throws {
    let vendorClient = VendorDataClient(logger: logger)
    let loops = try GuestLoops.start(Daemon.processorCount)
    let outcome: Result<Void, any Error>
    do {
      outcome = .success(try await serve(store, catalog, feed, predecessor, vendorClient, loops))
    } catch {
      outcome = .failure(error)
    }
    systemd.notify("STOPPING=1")
    await vendorClient.shutdown()
    await loops.stop()
    try outcome.get()
  }

  private func serve(
    _ store: SQLiteStore, _ catalog: LiveCatalog, _ feed: CatalogFeed, _ predecessor: Predecessor?,
    _ vendorClient: VendorDataClient, _ loops: GuestLoops
  ) async throws {
    let vendorData = DynamicVendorData(
      targets: configuration.vendorDataTargets, fetcher: vendorClient,
      keptSeconds: configuration.vendorDataCacheSeconds,
      failureIsFatal: configuration.vendorDataFailureIsFatal, now: Daemon.monotonicSeconds)
    let refusals = RefusalLog(logger: logger, now: Daemon.now)
    let service = MetadataService(
      catalog: catalog, store: store,
      settings: RenderSettings(
        dhcpDomain: configuration.dhcpDomain, vendorData: configuration.vendorData),
      vendorData: vendorData,
      driveSeed: DriveSeed(key: try DriveKeyFile.key(in: configuration.stateDirectory)),
      unknownHold: .milliseconds(Int(configuration.unknownGuestHoldSeconds * 1000)),
      hosts: configuration.hosts, counters: Counters(registry),
      environment: MetadataService.Environment(
        now: Daemon.now, randomBytes: Daemon.randomBytes,
        sleep: { try await Task.sleep(for: $0) }, refused: { refusals.note($0, $1) },
        audited: { refusals.note($0, audited: $1) },
        hostRole: HostAddresses(now: Daemon.monotonicSeconds).role))
    let tokenKeys = TokenKeyKeeper(tokens: service.tokens, logger: logger)
    try await tokenKeys.load()
    let hasNamespaces = !configuration.namespaceRules.isEmpty
    let inherited = predecessor?.listeners ?? InheritedListeners()
    let readiness = Countdown(from: 2 + (hasNamespaces ? 1 : 0) + (predecessor == nil ? 0 : 1)) {
      [systemd, logger] in
      inherited.closeRest()
      systemd.notify("READY=1")
      logger.notice("ready")
    }
    // Guests' listeners of our own are open, and the control socket is bound.
    let preparation = Countdown(from: 2) { predecessor?.isPrepared.happen() }
    // Sockets that systemd hands over stand for the first listener, its network included.
    let handedOver = systemd.listeningSockets.map { descriptor in
      ListenerConfiguration(
        address: configuration.listeners.first?.address ?? .v4(0),
        port: configuration.listeners.first?.port ?? 0,
        network: configuration.listeners.first?.network, fileDescriptor: descriptor)
    }
    let lasting = inherited.part(configuration.listeners.dropFirst(handedOver.isEmpty ? 0 : 1))
    let areListenersOpen = Mutex(false)
    let links = GuestLinks(routers: configuration.metadataRouters, logger: logger)
    let lookup = links.lookup(in: try NeighbourTable.open())
    let guests = GuestServer(
      service: service, listeners: handedOver + lasting.others,
      loops: loops, logger: logger, limits: connectionLimits(),
      rates: configuration.budgets.rates, links: lookup,
      onReady: { _ in
        if predecessor == nil { areListenersOpen.withLock { $0 = true } }
        preparation.step()
        readiness.step()
      })
    let inheritedGuests = InheritedGuests(
      sockets: lasting.inherited, listeners: guests.listeners, links: lookup,
      mayAccept: { await predecessor?.hasReleased.wait() }, logger: logger,
      onReady: {
        areListenersOpen.withLock { $0 = true }
        readiness.step()
      })
    let namespaces = NamespaceListeners(
      rules: configuration.namespaceRules, listeners: guests.listeners, links: links,
      inherited: inherited, mayListen: { await predecessor?.hasReleased.wait() }, logger: logger,
      onReady: { readiness.step() })
    let storeKeeper = StoreKeeper(
      store: store, catalog: catalog,
      backups: StoreBackups(stateDirectory: configuration.stateDirectory),
      backupInterval: configuration.backupInterval, backupsKept: configuration.backupsKept,
      logger: logger)
    let listenerStates: @Sendable () -> [ListenerState] = { [configuration] in
      let areOpen = areListenersOpen.withLock(\.self)
      return configuration.listeners.map { ListenerState($0, isOpen: areOpen) }
        + namespaces.statuses.map(ListenerState.init)
    }
    let telemetry = DaemonTelemetry(
      service: service, store: store, loops: loops, guests: guests,
      startedAtSeconds: service.startedAtSeconds, listeners: listenerStates)
    let operators = ControlServer(
      service: service, store: store, socketPath: configuration.controlSocket,
      allowedUIDs: configuration.controlAllowedUIDs, network: configuration.controlNetwork,
      logger: logger, now: Daemon.now, newID: randomInstanceID, randomBytes: Daemon.randomBytes,
      status: { Daemon.status(guests.usage, store) },
      listeners: listenerStates, telemetry: telemetry.control,
      backups: storeKeeper.access,
      succession: predecessor?.succession(of: configuration.controlNetwork) { preparation.step() },
      onListening: { readiness.step() })
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: configuration.controlSocket).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try await apply(manifests, to: operators.resources)
    let keeper =
      configuration.redirect.isManaged
      ? RedirectKeeper(redirect: try configuration.redirect.redirect(), logger: logger) : nil
    try await keeper?.install()
    let isReplaced = Occurrence()
    let successorKeeper = SuccessorKeeper(
      stateDirectory: configuration.stateDirectory, store: store, catalog: catalog,
      guests: guests.listeners, logger: logger,
      mayListen: { await predecessor?.hasReleased.wait() }, isReplaced: isReplaced)
    // They end in the opposite order: a successor hears that all is over when it is.
    var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
      .init(service: CatalogLoader(feed: feed, store: store)),
      .init(service: HugePagesKeeper(catalog: catalog)),
      .init(service: successorKeeper),
      .init(
        service: EndWhenReplaced(isReplaced: isReplaced),
        successTerminationBehavior: .gracefullyShutdownGroup),
      .init(service: VendorDataRefresher(vendorData: vendorData)),
      .init(service: storeKeeper),
      .init(service: tokenKeys), .init(service: operators), .init(service: guests),
    ]
    if let keeper { services.append(.init(service: keeper)) }
    if let predecessor {
      inherited.closeRest(onlyHere: true)
      services.append(.init(service: inheritedGuests))
      services.append(.init(service: predecessor, successTerminationBehavior: .ignore))
    }
    // The last is the first to end: no listener is added while the guests' side goes.
    if hasNamespaces { services.append(.init(service: namespaces)) }
    var group = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    // The last resort: guests and operators are given their time by the servers themselves.
    group.maximumGracefulShutdownDuration = Duration.seconds(9)
    try await ServiceGroup(configuration: group).run()
  }

  /// How many threads can run at once here.
  private static var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// The configured limits, lowered to what the process may have open.
  private func connectionLimits() -> ConnectionLimits {
    var limits = configuration.budgets.connections
    let files = OpenFileLimit.raised()
    let possible = files.connections(of: limits.connections)
    if possible < limits.connections {
      logger.warning(
        "the limit on open files is too low for total_connections; raise it (LimitNOFILE=, ulimit -n)",
        metadata: [
          "limit": "\(files.files)", "total_connections": "\(limits.connections)",
          "possible": "\(possible)",
        ])
      limits.connections = possible
      // One guest must not have them all.
      limits.connectionsPerGuest = min(limits.connectionsPerGuest, max(1, possible / 4))
    }
    return limits
  }

  private static func status(_ usage: GuestServer.Usage, _ store: SQLiteStore) -> JSONValue {
    let sound = store.isUnchecked ? "being checked; writes wait for it" : "ok"
    return [
      "version": .string(nameplateVersion),
      "store": .string(store.problem?.description ?? sound),
      "guests": [
        "connections": JSONValue(usage.connections), "bufferedBytes": JSONValue(usage.heldBytes),
        "remembered": JSONValue(usage.addresses),
      ],
    ]
  }

  @Sendable private static func monotonicSeconds() -> Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec
  }

  /// A system call for 256 bytes, where Swift's own generator makes one for every eight.
  @Sendable private static func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    for start in stride(from: 0, to: count, by: 256) {
      let length = min(256, count - start)
      unsafe bytes.withUnsafeMutableBytes { buffer in
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + length)])
        guard let base = part.baseAddress, unsafe getentropy(base, length) == 0 else {
          var generator = SystemRandomNumberGenerator()
          for index in part.indices { unsafe part[index] = generator.next() }
          return
        }
      }
    }
    return bytes
  }
}

/// Runs the refresher of dynamic vendor data as a service.
private struct VendorDataRefresher: Service {
  let vendorData: DynamicVendorData

  func run() async throws {
    await cancelWhenGracefulShutdown { await vendorData.run() }
  }
}

/// Does something once so many parts are done.
private final class Countdown: Sendable {
  private let left: Mutex<Int>
  private let onZero: @Sendable () -> Void

  init(from parts: Int, onZero: @escaping @Sendable () -> Void) {
    left = Mutex(parts)
    self.onZero = onZero
  }

  func step() {
    let isLast = left.withLock { left in
      left -= 1
      return left == 0
    }
    if isLast { onZero() }
  }
}

import ControlAPI
import ControlServer
import Dialects
import Glibc
import GuestServer
import Inventory
import MetadataService
import SQLiteStore
import Telemetry

/// Puts together what all rooms have measured, whenever somebody asks.
struct DaemonTelemetry: Sendable {
  let service: MetadataService
  let store: SQLiteStore
  let loops: GuestLoops
  let guests: GuestServer
  let listeners: @Sendable () -> [ListenerState]
  /// Seconds since 1970.
  let startedAtSeconds: Int
  private let startedAtMilliseconds = DaemonTelemetry.milliseconds()

  init(
    service: MetadataService, store: SQLiteStore, loops: GuestLoops, guests: GuestServer,
    startedAtSeconds: Int, listeners: @escaping @Sendable () -> [ListenerState]
  ) {
    self.service = service
    self.store = store
    self.loops = loops
    self.guests = guests
    self.startedAtSeconds = startedAtSeconds
    self.listeners = listeners
  }

  var control: ControlTelemetry {
    ControlTelemetry(registry: service.counters.registry, families: families, load: load)
  }

  // MARK: Metrics

  /// All metrics, ours in the order of their table.
  @Sendable private func families() async -> [MetricFamily] {
    let tally = await loops.tally()
    let counted = service.counters.registry.families
    let now = [
      guestFamilies(tally), stateFamilies(), ProcessFacts.read().families(startedAtSeconds),
    ]
    .joined()
    let ours = Dictionary(now.map { ($0.name, $0) }) { first, _ in first }
    let all = ours.merging(counted.map { ($0.name, $0) }) { ours, _ in ours }
    let known = Metric.allCases.compactMap { all[$0.rawValue] }
    return known + counted.filter { Metric(rawValue: $0.name) == nil }
  }

  private func guestFamilies(_ tally: GuestTally) -> [MetricFamily] {
    let usage = guests.usage
    return [
      MetricFamily(
        .guestRequests,
        DaemonTelemetry.answers(tally).map { ([$0.dialect, $0.status], .count($0.count)) }),
      MetricFamily(.guestRequestSeconds, .latencies(tally.answered)),
      MetricFamily(.guestWaitingRequestSeconds, .latencies(tally.waited)),
      MetricFamily(.guestWaitingRequests, .number(Double(usage.waitingRequests))),
      MetricFamily(.guestConnectionsAccepted, .count(tally.connections)),
      MetricFamily(.guestConnections, .number(Double(usage.connections))),
      MetricFamily(.guestHeldBytes, .number(Double(usage.heldBytes))),
      MetricFamily(.guestReceivedBytes, .count(tally.receivedBytes)),
      MetricFamily(.guestSentBytes, .count(tally.sentBytes)),
      MetricFamily(.guestAccounts, .number(Double(usage.addresses))),
    ]
  }

  private func stateFamilies() -> [MetricFamily] {
    let isLoaded = service.catalog.isLoaded
    let (revision, counts) = service.catalog.read { catalog in
      (catalog.revision, ResourceKind.allCases.map { ($0.collection, catalog.count($0)) })
    }
    let open = listeners().reduce(into: (yes: 0, no: 0)) { counts, listener in
      if listener.problem == nil { counts.yes += 1 } else { counts.no += 1 }
    }
    return [
      MetricFamily(.buildInfo, [([nameplateVersion], .count(1))]),
      MetricFamily(.ready, .count(isLoaded ? 1 : 0)),
      MetricFamily(
        .listeners,
        [(["listening"], .number(Double(open.yes))), (["closed"], .number(Double(open.no)))]),
      MetricFamily(
        .catalogResources, counts.map { (labels: [$0.0], value: .number(Double($0.1))) }),
      MetricFamily(.catalogRevision, .count(revision)),
      MetricFamily(.storeWritable, .count(store.problem == nil ? 1 : 0)),
    ]
  }

  private static func answers(_ tally: GuestTally)
    -> [(dialect: String, status: String, count: UInt64)]
  {
    let dialects: [DialectName?] = DialectName.allCases + [nil]
    return dialects.flatMap { dialect in
      GuestTally.StatusClass.allCases.filter { $0 != .informational }.map { status in
        (dialect?.rawValue ?? "none", status.text, tally.answers(in: dialect, status))
      }
    }
  }

  // MARK: The load

  /// Who is counted as busy has asked within so many seconds.
  private static let busySeconds = 60

  @Sendable private func load() async -> LoadForm {
    let (tally, busiest) = await loops.activity(withinSeconds: DaemonTelemetry.busySeconds)
    let usage = guests.usage
    let now = DaemonTelemetry.milliseconds()
    let (revision, instances, found) = service.catalog.read { catalog in
      (
        catalog.revision, catalog.count(.instance),
        busiest.prefix(Limits.maximumBusyGuests).map { DaemonTelemetry.guest($0, in: catalog) }
      )
    }
    let refusals = service.counters.refused.filter { $0.value > 0 }
    return LoadForm(
      numbers: [
        .atMilliseconds: now, .uptimeSeconds: (now - startedAtMilliseconds) / 1000,
        .revision: Int(clamping: revision), .instances: instances,
        .connections: usage.connections, .connectionsAccepted: Int(clamping: tally.connections),
        .waitingRequests: usage.waitingRequests, .heldBytes: usage.heldBytes,
        .receivedBytes: Int(clamping: tally.receivedBytes),
        .sentBytes: Int(clamping: tally.sentBytes),
      ],
      answers: DaemonTelemetry.answers(tally).filter { $0.count > 0 }.map {
        LoadForm.Answers(dialect: $0.dialect, status: $0.status, count: Int(clamping: $0.count))
      },
      refusals: refusals.mapValues { Int(clamping: $0) }, latencies: tally.answered.steps,
      waits: tally.waited.steps, guests: found)
  }

  private static func guest(_ guest: BusyGuest, in catalog: borrowing Catalog) -> LoadForm.Guest {
    var found: InstanceView?
    if case .instance(let view) = catalog.find(guest.address, on: guest.network) { found = view }
    return LoadForm.Guest(
      address: guest.address, network: guest.network, instance: found?.instance.id,
      hostname: found?.instance.hostname.string, requests: Int(clamping: guest.requests),
      refused: Int(clamping: guest.refused), sentBytes: Int(clamping: guest.sentBytes))
  }

  /// Of a clock that nobody sets.
  private static func milliseconds() -> Int {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }
}

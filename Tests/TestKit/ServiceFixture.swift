import Dialects
public import Inventory
public import MetadataService
import Synchronization

/// A metadata service over a memory store, with a clock that the test moves.
public final class ServiceFixture: Sendable {
  public let store: MemoryStore
  public let catalog = LiveCatalog()
  public let service: MetadataService
  public let clock = ManualSleep()
  private let refusals: Refusals
  private let audits: Refusals
  private let time: WallClock

  /// Seconds since 1970, as the service sees them.
  public var now: Int {
    get { time.seconds.withLock { $0 } }
    set { time.seconds.withLock { $0 = newValue } }
  }

  private final class WallClock: Sendable {
    let seconds = Mutex(1_750_000_000)
  }

  /// What the log has been told of, in order.
  public var refused: [Refusal] { refusals.all.withLock { $0 } }

  /// What it has been told would be refused.
  public var audited: [Refusal] { audits.all.withLock { $0 } }

  private final class Refusals: Sendable {
    let all = Mutex<[Refusal]>([])
  }

  /// - Parameters:
  ///   - instances: Instances as JSON documents.
  ///   - store: One that another fixture has, too.
  ///   - isRead: Whether the catalogue has read the store.
  public init(
    _ instances: [String], unknownHold: Duration = .seconds(2), hosts: HostRule = HostRule(),
    store: MemoryStore = MemoryStore(), isRead: Bool = true
  ) async throws {
    self.store = store
    let (clock, time) = (clock, WallClock())
    self.time = time
    let (refusals, audits) = (Refusals(), Refusals())
    (self.refusals, self.audits) = (refusals, audits)
    service = MetadataService(
      catalog: catalog, store: store,
      settings: RenderSettings(dhcpDomain: "novalocal"), unknownHold: unknownHold,
      hosts: hosts,
      environment: MetadataService.Environment(
        now: { time.seconds.withLock { $0 } },
        randomBytes: { count in (0..<count).map { _ in .random(in: 0...255) } },
        sleep: { _ in try await clock.sleep() },
        refused: { _, answer in
          guard let refusal = answer.refusal else { return }
          refusals.all.withLock { $0.append(refusal) }
        },
        audited: { _, refusal in audits.all.withLock { $0.append(refusal) } },
        hostRole: { $0 == IPAddress("10.30.0.4") ? .ownHost : nil }))
    try await service.tokens.load { _ in }
    if isRead {
      try await declare(instances)
    } else {
      try await commit(instances, now: 0)
    }
  }

  /// Declares instances and waits until guests are answered by them.
  public func declare(_ instances: [String], now: Int = 0) async throws {
    let result = try await commit(instances, now: now)
    try await catchUp()
    await catalog.wait(for: result.revision)
  }

  @discardableResult
  private func commit(_ instances: [String], now: Int) async throws -> CommitResult {
    let resources = try instances.map { try Resource(reading: try JSONValue(parsing: $0)) }
    return try await store.commit(resources.map { .put($0) }, now: now, dryRun: false)
  }

  /// Brings the catalogue to where the store is.
  public func catchUp() async throws {
    catalog.replace(with: Catalog(try await store.load()))
  }

  /// A new session token of a guest, as text.
  public func token(
    for source: String, seconds: Int = 60, path: String = "/latest/api/token",
    network: String? = nil
  ) async -> [UInt8] {
    var fields = RequestFields()
    fields.tokenTTL = Array(String(seconds).utf8)
    return await ask(path, from: source, method: .put, network: network, fields: fields).body
  }

  /// The request of a guest, answered; waited for where it must be.
  public func ask(
    _ path: String, from source: String, method: Question.Method = .get, body: String = "",
    network: String? = nil, host: String? = nil, caller: InstanceID? = nil,
    link: LinkFacts = LinkFacts(), fields: RequestFields = RequestFields(), token: [UInt8]? = nil
  ) async -> GuestAnswer {
    var fields = fields
    fields.host = host.map { Array($0.utf8) }
    fields.sessionToken = token ?? fields.sessionToken
    let request = GuestRequest(
      Question(method: method, target: Array(path.utf8), fields: fields),
      network: network.flatMap { NetworkID($0) }, source: IPAddress(source) ?? .v4(0),
      caller: caller, link: link, body: Array(body.utf8))
    switch service.answer(request) {
    case .answer(let answer): return answer
    case .wait(let pending): return await service.finish(pending)
    }
  }
}

/// A sleep that lasts until the test ends it.
public final class ManualSleep: Sendable {
  private struct State {
    var isOver = false
    var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
    var next = 0
    var watchers: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  public init() {}

  /// Ends every sleep, now and from now on.
  public func wakeAll() {
    let sleepers = state.withLock { state in
      state.isOver = true
      defer { state.sleepers = [:] }
      return Array(state.sleepers.values)
    }
    for sleeper in sleepers { sleeper.resume() }
  }

  /// Returns once somebody sleeps.
  public func untilSomebodySleeps() async {
    await withCheckedContinuation { continuation in
      let now = state.withLock { state in
        if !state.sleepers.isEmpty { return true }
        state.watchers.append(continuation)
        return false
      }
      if now { continuation.resume() }
    }
  }

  func sleep() async throws {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (isOver, watchers) = state.withLock { state in
          if state.isOver || Task.isCancelled {
            return (true, [CheckedContinuation<Void, Never>]())
          }
          state.sleepers[id] = continuation
          defer { state.watchers = [] }
          return (false, state.watchers)
        }
        if isOver { continuation.resume() }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
      sleeper?.resume(throwing: CancellationError())
    }
  }
}

/// Instances for tests, as documents.
public enum Examples {
  public static func instance(
    _ number: Int, interfaces: String, more: String = ""
  ) -> String {
    """
    {"kind": "Instance", "id": "00000000-0000-4000-8000-\(String("00000000000\(number)".suffix(12)))",
     "hostname": "h\(number)", \(more) "interfaces": \(interfaces)}
    """
  }
}

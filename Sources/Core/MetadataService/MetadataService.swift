public import Dialects
public import Inventory
import Synchronization

/// Who asks, may they, which dialect, what answer.
///
/// ``answer(_:)`` decides at once, from memory. Where something must be waited for (an address that
/// is not declared yet, the store for a password, a vendor data target) it says so, and
/// ``finish(_:)`` waits.
public final class MetadataService: Sendable {
  /// What the service needs from the world; Core has no clock and no randomness of its own.
  public struct Environment: Sendable {
    /// Seconds since 1970.
    public var now: @Sendable () -> Int
    /// So many fresh random bytes.
    public var randomBytes: @Sendable (Int) -> [UInt8]
    /// Waits so long, or throws when the task is cancelled.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// Is told of every refusal, for the log.
    public var refused: @Sendable (GuestRequest, GuestAnswer) -> Void
    /// Is told of what would be refused if its rule were enforced, for the log.
    public var audited: @Sendable (GuestRequest, Refusal) -> Void
    /// What this host's own network says of an address; nil where it knows nothing.
    public var hostRole: @Sendable (IPAddress) -> AddressRole?

    public init(
      now: @escaping @Sendable () -> Int,
      randomBytes: @escaping @Sendable (Int) -> [UInt8],
      sleep: @escaping @Sendable (Duration) async throws -> Void,
      refused: @escaping @Sendable (GuestRequest, GuestAnswer) -> Void,
      audited: @escaping @Sendable (GuestRequest, Refusal) -> Void = { _, _ in },
      hostRole: @escaping @Sendable (IPAddress) -> AddressRole? = { _ in nil }
    ) {
      self.now = now
      self.randomBytes = randomBytes
      self.sleep = sleep
      self.refused = refused
      self.audited = audited
      self.hostRole = hostRole
    }
  }

  public let catalog: LiveCatalog
  public let counters: Counters
  public let strangers = Strangers()
  public let probes = ProbeLedger()
  let store: any InventoryStore & TokenKeyStore
  /// Session tokens; load their keys before the first guest is answered.
  public let tokens: SessionTokens
  /// Seconds since 1970.
  public let startedAtSeconds: Int
  private let settings: RenderSettings
  private let hosts: HostRule
  let vendorData: DynamicVendorData?
  /// Nil where no secret is kept for it.
  let driveSeed: DriveSeed?
  let unknownHold: Duration
  let environment: Environment
  let held = Mutex(HoldLedger())
  let changes = Mutex(ChangeLedger())
  private let cache = AnswerCache()
  private let seeds: RandomSeeds

  public init(
    catalog: LiveCatalog, store: any InventoryStore & TokenKeyStore, settings: RenderSettings,
    vendorData: DynamicVendorData? = nil, driveSeed: DriveSeed? = nil,
    unknownHold: Duration = .seconds(2),
    hosts: HostRule = HostRule(), counters: Counters = Counters(), environment: Environment
  ) {
    self.catalog = catalog
    self.store = store
    self.settings = settings
    self.hosts = hosts
    self.vendorData = vendorData
    self.driveSeed = driveSeed
    self.unknownHold = unknownHold
    self.counters = counters
    self.environment = environment
    startedAtSeconds = environment.now()
    seeds = RandomSeeds(randomBytes: environment.randomBytes)
    tokens = SessionTokens(store: store, environment: environment)
  }

  // MARK: Answering

  public func answer(_ request: GuestRequest) -> Outcome {
    if let refusal = hosts.refusal(for: request) {
      guard hosts.check == .audit else { return .answer(refuse(request, refusal, nil)) }
      audit(request, refusal)
    }
    let isRead = request.method == .get || request.method == .head
    let now = environment.now()
    var slot: AnswerCache.Slot?
    if isRead, let version = catalog.read({ $0.version(of: request.source, on: request.network) }) {
      let found = cache.slot(for: request, version: version, now: now)
      let answer = cache.answer(request, at: found, seeds: seeds) {
        admits(request, on: $0, now: now)
      }
      if let answer { return .answer(answer) }
      slot = found
    }
    guard let destination = request.question.destination else {
      return .answer(refuse(request, .malformedTarget, nil))
    }
    if request.method == .get, let probe = destination.probe {
      return .answer(answer(probe, request))
    }
    guard let finding = catalog.find(request.source, on: request.network) else {
      return .wait(Pending(request: request, destination: destination, reason: .unreadCatalog))
    }
    switch finding {
    case .instance(let view):
      // Where it has changed since, the next request looks again.
      return answer(
        request, destination, as: view, keepingAt: slot?.version == view.version ? slot : nil)
    case .ambiguous(let networks):
      return .answer(refuse(request, .ambiguousAddress(networks), nil))
    case .unknown:
      let told = tellOfTranslation(
        request, knownAs: catalog.read { $0.role(of: request.source, on: request.network) })
      guard unknownHold > .zero, held.withLock({ $0.take(request.origin) }) else {
        return .answer(refuseUnknown(request, told))
      }
      return .wait(
        Pending(request: request, destination: destination, reason: .unknownCaller(told)))
    }
  }

  /// Whether somebody has declared an address on a network. Where that is not known yet, everybody
  /// is taken for a guest.
  public func knows(_ address: IPAddress, on network: NetworkID?) -> Bool {
    catalog.read { $0.isDeclared(address, on: network) } || !catalog.isLoaded
  }

  /// Waits for what ``answer(_:)`` said must be waited for, then answers.
  public func finish(_ pending: Pending) async -> GuestAnswer {
    await finishWaiting(pending).counted(for: pending.destination)
  }

  private func finishWaiting(_ pending: Pending) async -> GuestAnswer {
    switch pending.reason {
    case .unreadCatalog: return await finishUnread(pending)
    case .unknownCaller(let told): return await finishUnknown(pending, told)
    case .passwordPost(let view):
      return await store(password: pending.request, of: view)
    case .vendorData(let view):
      return await render(pending.request, pending.destination, as: view)
    case .tokenKeys(let view):
      await tokens.reread()
      return await finish(answer(pending.request, pending.destination, as: view))
    case .change(let id, let change): return await finishChange(pending, id, change)
    }
  }

  func finish(_ outcome: Outcome) async -> GuestAnswer {
    switch outcome {
    case .answer(let answer): answer
    case .wait(let next): await finish(next)
    }
  }

  /// Gives up on a request that nobody will wait for.
  public func abandon(_ pending: Pending) {
    switch pending.reason {
    case .unknownCaller: held.withLock { $0.release(pending.request.origin) }
    case .change(let id, _): changes.withLock { $0.release(id) }
    case .unreadCatalog, .vendorData, .passwordPost, .tokenKeys: break
    }
  }

  /// The same answer as a guest's GET would get, for an operator who looks through its eyes. Where
  /// a session token is needed, the guest is taken to have one.
  public func look(_ path: String, as id: InstanceID) async -> GuestAnswer? {
    guard let view = view(of: id) else { return nil }
    let source = view.instance.firstAddress?.ip ?? .v4(0)
    let request = GuestRequest(
      Question(method: .get, target: Array(path.utf8)), network: nil, source: source)
    guard let destination = request.question.destination else {
      return GuestAnswer(refusal: .malformedTarget, instance: id)
    }
    switch decide(request, destination, as: view, token: .valid) {
    case .answer(let answer): return answer
    case .wait: return await render(request, destination, as: view)
    }
  }

  /// The node behind a path as an instance sees it, for walking a tree.
  public func node(_ target: RequestTarget, as id: InstanceID) -> MetadataNode? {
    guard let view = view(of: id) else { return nil }
    let source = view.instance.firstAddress?.ip
    return DialectTable.dialect(for: target)?
      .node(at: target, for: input(view, source: source, needs: []))
  }

  /// - Parameters:
  ///   - slot: Where the answer may be kept.
  ///   - mayHold: Whether it may wait for a change, where the guest asks for that.
  func answer(
    _ request: GuestRequest, _ destination: Destination, as view: InstanceView,
    keepingAt slot: AnswerCache.Slot? = nil, mayHold: Bool = true
  ) -> Outcome {
    var slot = slot
    switch identity(of: request, as: view) {
    case .agrees: break
    // It is told of each time, so the answer is not kept.
    case .audited: slot = nil
    case .refused(let refusal):
      return .answer(refuse(request, refusal, view.id).counted(for: destination))
    }
    let now = environment.now()
    let verdict = verdict(on: request, of: TokenHolder(view, request), now: now)
    if verdict == .invalid(.unknownKey), tokens.mayRead(now: now) {
      return .wait(Pending(request: request, destination: destination, reason: .tokenKeys(view)))
    }
    var answer: GuestAnswer
    switch decide(request, destination, as: view, token: verdict, keepingAt: slot) {
    case .wait(let pending): return .wait(pending)
    case .answer(let found): answer = found
    }
    if let refusal = answer.refusal { answer = refuse(request, refusal, view.id) }
    answer.dialect = destination.dialect?.name
    guard mayHold, answer.entityTag != nil else { return .answer(answer) }
    return hold(answer, request, destination, view.id)
  }

  /// - Parameter token: What was found out about the token that the request shows.
  private func decide(
    _ request: GuestRequest, _ destination: Destination, as view: InstanceView,
    token: SessionTokens.Verdict?, keepingAt slot: AnswerCache.Slot? = nil
  ) -> Outcome {
    let id = view.id
    guard let dialect = destination.dialect else {
      return .answer(GuestAnswer(refusal: .notFound, instance: id))
    }
    let options = view.metadataOptions
    guard options.httpEndpoint == .enabled else {
      return .answer(GuestAnswer(refusal: .endpointDisabled, instance: id))
    }
    if destination.isTokenPath { return .answer(self.token(for: request, as: view)) }
    let needs = destination.needs
    if request.method == .put {
      // No other path takes it, whether or not there is anything.
      let node = destination.place?.node(input(view, source: request.source, needs: []))
      return .answer(MetadataService.notAllowed(at: node, id))
    }
    if let refusal = AdmissionGate.refusal(for: options, in: dialect.admission, token: token) {
      return .answer(GuestAnswer(refusal: refusal, instance: id))
    }
    if token == nil { view.instance.tokenless.note(dialect.name.number, now: environment.now()) }
    if needs.contains(.dynamicVendorData), let vendorData, !vendorData.isReady(for: view) {
      return .wait(Pending(request: request, destination: destination, reason: .vendorData(view)))
    }
    let input = input(view, source: request.source, needs: needs)
    guard let node = destination.place?.node(input) else {
      return .answer(GuestAnswer(refusal: .notFound, instance: id))
    }
    guard request.method == .get else { return decide(request, destination, as: view, node) }
    var answer = GuestAnswer(node.document, instance: id)
    if destination.change != nil {
      // Each has a target of its own, which nobody asks for again.
      answer.entityTag = tag(of: destination, as: view, source: request.source)
    } else if let slot, !needs.contains(.dynamicVendorData) {
      // Vendor data has a clock of its own.
      answer.dialect = dialect.name
      cache.keep(
        answer, to: request, at: slot,
        on: AnswerCache.Terms(
          holder: TokenHolder(view, request),
          needsToken: AdmissionGate.needsToken(options, in: dialect.admission),
          tally: view.instance.tokenless, kind: dialect.name.number),
        seed: input.randomSeedText)
    }
    return .answer(answer)
  }

  func decide(
    _ request: GuestRequest, _ destination: Destination, as view: InstanceView, _ node: MetadataNode
  ) -> Outcome {
    let id = view.id
    switch (node, request.method) {
    case (_, .get), (_, .head): return .answer(GuestAnswer(node.document, instance: id))
    case (.password, .post):
      if let refusal = PasswordRule.refusal(for: request.body, current: view.password) {
        return .answer(GuestAnswer(refusal: refusal, instance: id))
      }
      guard !request.body.isEmpty else { return .answer(MetadataService.stored(id)) }
      return .wait(Pending(request: request, destination: destination, reason: .passwordPost(view)))
    default: return .answer(MetadataService.notAllowed(at: node, id))
    }
  }

  private static func notAllowed(at node: MetadataNode?, _ id: InstanceID) -> GuestAnswer {
    let allow = if case .password = node { "GET, HEAD, POST" } else { "GET, HEAD" }
    return GuestAnswer(refusal: .methodNotAllowed(allow: allow), instance: id)
  }

  /// - Parameter seed: Gives the random seed's text where it is not to be a fresh one.
  func input(
    _ view: InstanceView, source: IPAddress?, needs: Needs, seed: (() -> [UInt8])? = nil
  ) -> RenderInput {
    RenderInput(
      view: view, settings: settings, sourceAddress: source,
      askedAtSeconds: environment.now(),
      randomSeedText: needs.contains(.randomSeed) ? seed?() ?? seeds.text() : [],
      dynamicVendorData: needs.contains(.dynamicVendorData)
        ? vendorData?.answers(for: view) ?? [] : [])
  }
}

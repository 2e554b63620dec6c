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
    var look = look(for: request.source, on: request.network)
    return answer(request, after: &look)
  }

  /// - Parameter look: For the request's address on its network, from ``look(for:on:)``.
  public func answer(_ request: GuestRequest, after look: inout LiveCatalog.Look) -> Outcome {
    if let refusal = hosts.refusal(for: request) {
      guard hosts.check == .audit else { return .answer(refuse(request, refusal, nil)) }
      audit(request, refusal)
    }
    guard let destination = request.question.destination else {
      return .answer(refuse(request, .malformedTarget, nil))
    }
    if request.method == .get, let probe = destination.probe {
      return .answer(answer(probe, request))
    }
    let now = environment.now()
    if !catalog.isCurrent(look) { look = self.look(for: request.source, on: request.network) }
    let slot = cache.slot(for: request, now: now)
    if request.method == .get || request.method == .head,
      let kept = cache.kept(for: request, at: slot),
      kept.version == look.version,
      admits(request, on: kept.terms, now: now)
    {
      return .answer(kept.answer(seeds))
    }
    guard let finding = catalog.find(request.source, on: request.network, after: look) else {
      return .wait(Pending(request: request, destination: destination, reason: .unreadCatalog))
    }
    switch finding {
    case .instance(let view):
      return answer(request, destination, as: view, now: now, keepingAt: slot)
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

  /// Who has an address on a network, for a connection that comes from there.
  public func look(for address: IPAddress, on network: NetworkID?) -> LiveCatalog.Look {
    catalog.look(for: address, on: network)
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
      return await finish(
        answer(pending.request, pending.destination, as: view, now: environment.now()))
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
    do {
      let outcome = try decide(
        request, destination, as: view, token: .valid, now: environment.now(), mayHold: false)
      switch outcome {
      case .answer(let answer): return answer
      case .wait: return await render(request, destination, as: view)
      }
    } catch {
      return GuestAnswer(refusal: error, instance: id)
    }
  }

  /// The node behind a path as an instance sees it, for walking a tree.
  public func node(_ target: RequestTarget, as id: InstanceID) -> MetadataNode? {
    guard let view = view(of: id) else { return nil }
    let source = view.instance.firstAddress?.ip
    return DialectTable.dialect(for: target)?
      .node(at: target, for: input(view, source: source, now: environment.now(), needs: []))
  }

  /// - Parameters:
  ///   - now: Seconds since 1970.
  ///   - slot: Where the answer may be kept.
  ///   - mayHold: Whether it may wait for a change, where the guest asks for that.
  func answer(
    _ request: GuestRequest, _ destination: Destination, as view: InstanceView, now: Int,
    keepingAt slot: AnswerCache.Slot? = nil, mayHold: Bool = true
  ) -> Outcome {
    do {
      // What does not agree is told of each time, so the answer is not kept.
      let slot = try agrees(request, with: view, now: now) ? slot : nil
      var verdict: SessionTokens.Verdict?
      if let token = request.question.fields.sessionToken {
        verdict = tokens.verdict(on: token, of: TokenHolder(view, request), now: now)
        if verdict == .invalid(.unknownKey), tokens.mayRead(now: now) {
          return .wait(
            Pending(request: request, destination: destination, reason: .tokenKeys(view)))
        }
      }
      return try decide(
        request, destination, as: view, token: verdict, now: now, keepingAt: slot,
        mayHold: mayHold)
    } catch {
      return .answer(refuse(request, error, view.id, destination.dialect?.name))
    }
  }

  /// - Parameter token: What was found out about the token that the request shows.
  private func decide(
    _ request: GuestRequest, _ destination: Destination, as view: InstanceView,
    token: SessionTokens.Verdict?, now: Int, keepingAt slot: AnswerCache.Slot? = nil,
    mayHold: Bool
  ) throws(Refusal) -> Outcome {
    guard let dialect = destination.dialect else { throw .notFound }
    let options = view.metadataOptions
    guard options.httpEndpoint == .enabled else { throw .endpointDisabled }
    if destination.isTokenPath {
      return .answer(try self.token(for: request, as: view, dialect: dialect.name, now: now))
    }
    let needs = destination.needs
    if request.method == .put {
      // No other path takes it, whether or not there is anything.
      let input = input(view, source: request.source, now: now, needs: [])
      throw MetadataService.notAllowed(at: destination.place?.node(input))
    }
    if let refusal = AdmissionGate.refusal(for: options, in: dialect.admission, token: token) {
      throw refusal
    }
    if token == nil { view.instance.tokenless.note(dialect.name.number, now: now) }
    if needs.contains(.dynamicVendorData), let vendorData, !vendorData.isReady(for: view) {
      return .wait(Pending(request: request, destination: destination, reason: .vendorData(view)))
    }
    let input = input(view, source: request.source, now: now, needs: needs)
    guard let node = destination.place?.node(input) else { throw .notFound }
    guard request.method == .get else {
      return try decide(request, destination, as: view, node)
    }
    let document = node.document
    var tag: String?
    if destination.change != nil {
      tag = self.tag(of: destination, as: view, source: request.source, now: now)
      if mayHold, let wait = hold(request, destination, view.id, tag: tag) { return .wait(wait) }
    }
    let answer = GuestAnswer(
      contentType: document.contentType, body: document.bytes, instance: view.id,
      dialect: dialect.name, entityTag: tag)
    // Vendor data has a clock of its own, and each change is asked for with a target of its own, which
    // nobody asks for again.
    if let slot, destination.change == nil, !needs.contains(.dynamicVendorData), cache.wants(slot) {
      cache.keep(
        answer, to: request, at: slot, version: view.version,
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
  ) throws(Refusal) -> Outcome {
    let (id, dialect) = (view.id, destination.dialect?.name)
    switch (node, request.method) {
    case (_, .get), (_, .head):
      let document = node.document
      return .answer(
        GuestAnswer(
          contentType: document.contentType, body: document.bytes, instance: id, dialect: dialect))
    case (.password, .post):
      if let refusal = PasswordRule.refusal(for: request.body, current: view.password) {
        throw refusal
      }
      guard !request.body.isEmpty else { return .answer(MetadataService.stored(id, dialect)) }
      return .wait(Pending(request: request, destination: destination, reason: .passwordPost(view)))
    default: throw MetadataService.notAllowed(at: node)
    }
  }

  private static func notAllowed(at node: MetadataNode?) -> Refusal {
    let allow = if case .password = node { "GET, HEAD, POST" } else { "GET, HEAD" }
    return .methodNotAllowed(allow: allow)
  }

  /// - Parameter seed: Gives the random seed's text where it is not to be a fresh one.
  func input(
    _ view: InstanceView, source: IPAddress?, now: Int, needs: Needs,
    seed: (() -> [UInt8])? = nil
  ) -> RenderInput {
    RenderInput(
      view: view, settings: settings, sourceAddress: source,
      askedAtSeconds: now,
      randomSeedText: needs.contains(.randomSeed) ? seed?() ?? seeds.text() : [],
      dynamicVendorData: needs.contains(.dynamicVendorData)
        ? vendorData?.answers(for: view) ?? [] : [])
  }
}

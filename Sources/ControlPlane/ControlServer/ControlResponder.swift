import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import Logging
import MetadataService
import NIOCore
import OrderedCollections

/// What a request is answered in.
struct ControlContext: InitializableFromSource {
  let channel: any Channel
  let logger: Logger

  init(source: ApplicationRequestContextSource) {
    channel = source.channel
    logger = source.logger
  }
}

/// Finds out who asks and for what, and hands the request on. Whatever goes wrong becomes a
/// problem document here.
struct ControlResponder: HTTPResponder {
  let gate: Gate
  let logger: Logger
  let status: @Sendable () -> JSONValue
  private let telemetry: ControlTelemetry
  private let resources: ResourceHandlers
  private let instances: InstanceHandlers
  private let looks: LookHandlers
  private let drives: DriveHandler
  private let applies: ApplyHandler
  private let watches: WatchHandler
  private let readiness: ReadinessHandler
  private let road: RoadHandlers
  private let access: AccessHandlers
  private let refusals: RefusedWrites
  private let backups: BackupHandlers
  private let measures: TelemetryHandlers
  private let service: MetadataService
  private let loadingMilliseconds: Int

  init(
    resources: ResourceService, order: KeptOrder, gate: Gate, access: AccessHandlers,
    logger: Logger, status: @escaping @Sendable () -> JSONValue,
    listeners: @escaping @Sendable () -> [ListenerState],
    telemetry: ControlTelemetry, backups: BackupAccess, loadingMilliseconds: Int
  ) {
    self.gate = gate
    self.access = access
    self.logger = logger
    self.status = status
    self.telemetry = telemetry
    self.loadingMilliseconds = loadingMilliseconds
    measures = TelemetryHandlers(telemetry: telemetry)
    service = resources.service
    self.resources = ResourceHandlers(resources: resources, order: order)
    instances = InstanceHandlers(resources: resources)
    looks = LookHandlers(resources: resources)
    drives = DriveHandler(resources: resources)
    refusals = RefusedWrites(log: resources.store, now: resources.now, logger: logger)
    self.backups = BackupHandlers(backups: backups)
    road = RoadHandlers(service: resources.service, listeners: listeners)
    applies = ApplyHandler(resources: resources)
    readiness = ReadinessHandler(
      service: resources.service, listeners: listeners,
      places: WatchPlaces(limit: Limits.maximumReadinessWaits))
    watches = WatchHandler(
      service: resources.service, store: resources.store, book: access.book,
      places: WatchPlaces(limit: Limits.maximumWatchers))
  }

  func respond(to request: Request, context: ControlContext) async throws -> Response {
    let target = request.head.path ?? "/"
    let path = target.prefix { $0 != "?" && $0 != "#" }
    let start = ContinuousClock.now
    var admission: Admission?
    var operation: ControlAPI.Operation?
    let response: Response
    do throws(Problem) {
      let admitted = try await gate.admit(request, context.channel)
      admission = admitted
      response = try await answer(request, admitted, String(path), target: target, &operation)
      log(request, path, admission, response.status.code, nil)
    } catch {
      var problem = error
      problem.instance = problem.instance ?? String(path)
      log(request, path, admission, problem.kind.status, problem)
      response = .problem(problem)
    }
    telemetry.note(operation, status: response.status.code, duration: ContinuousClock.now - start)
    return response
  }

  private func answer(
    _ request: Request, _ admission: Admission, _ path: String, target: String,
    _ operation: inout ControlAPI.Operation?
  ) async throws(Problem) -> Response {
    guard target.utf8.count <= Limits.maximumControlTargetBytes else {
      throw Problem(
        .targetTooLong, "it has more than \(Limits.maximumControlTargetBytes) bytes")
    }
    let (route, parameters) = try RouteTable.match(method: request.method.rawValue, path: path)
    operation = route.operation
    let rest = target.utf8.dropFirst(path.utf8.count).dropFirst()
    guard let query = PercentCoding.query(String(rest) ?? "") else {
      throw Problem(.badRequest, "the query is not percent-encoded UTF-8")
    }
    let request = ControlRequest(
      http: request, principal: admission.principal, access: admission.access,
      refusals: refusals, route: route, parameters: parameters, query: query)
    do throws(Problem) {
      try request.principal.check(route.operation)
      if route.operation.needsCatalogue { try await untilLoaded() }
      return try await answer(request)
    } catch {
      await refusals.note(error, request)
      throw error
    }
  }

  private func answer(_ request: ControlRequest) async throws(Problem) -> Response {
    let kind = request.route.kind ?? .instance
    switch request.route.operation {
    case .getHealth: return health(for: request.principal)
    case .getCounters: return await measures.counters()
    case .getMetrics: return try await measures.metrics(request)
    case .getTop: return try await measures.top(request)
    case .getOpenAPI:
      return .bytes(Array(OpenAPIDocument.text.utf8), type: MediaType.json.rawValue)
    case .listResources: return try resources.list(request, kind)
    case .createResource: return try await resources.create(request, kind)
    case .getResource: return try resources.get(request)
    case .putResource: return try await resources.put(request, kind)
    case .deleteResource: return try await resources.delete(request)
    case .getMetadata: return try instances.metadata(request)
    case .putMetadata: return try await instances.replaceMetadata(request)
    case .patchMetadata: return try await instances.mergeMetadata(request)
    case .putMetadataItem: return try await instances.putItem(request)
    case .deleteMetadataItem: return try await instances.deleteItem(request)
    case .getPassword: return try instances.password(request)
    case .clearPassword: return try await instances.clearPassword(request)
    case .look: return try await looks.look(request)
    case .getReadiness: return try await readiness.readiness(request)
    case .getDrive: return try await drives.drive(request)
    case .apply: return try applies.apply(request)
    case .watch: return try await watches.watch(request)
    case .listListeners: return road.listListeners()
    case .listStrangers: return road.listStrangers()
    case .getProbe: return try road.probe(request)
    case .getAddress: return try road.addressOwner(request)
    case .listIMDSv1Users: return try instances.imdsV1Users(request)
    case .listAccess: return access.list()
    case .createAccess: return try await access.create(request)
    case .revokeAccess: return try await access.revoke(request)
    case .listAudit: return try await access.audit(request)
    case .listBackups: return backups.list()
    case .createBackup: return try await backups.create()
    }
  }

  /// A daemon that has just been started is waited for: what it has not read yet is not missing.
  private func untilLoaded() async throws(Problem) {
    let catalog = service.catalog
    guard !catalog.isLoaded else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await catalog.waitUntilLoaded() }
      group.addTask {
        try? await Task.sleep(for: .milliseconds(loadingMilliseconds))
      }
      await group.next()
      group.cancelAll()
    }
    guard let progress = catalog.progress else { return }
    var problem = Problem(
      .unavailable,
      "the daemon is reading its store, \(progress.read) of \(progress.total) records so far; "
        + "try again in a moment")
    problem.retryAfterSeconds = Limits.loadingRetrySeconds
    throw problem
  }

  // MARK: The service itself

  private func health(for principal: Principal) -> Response {
    let progress = service.catalog.progress
    let isReady = progress == nil
    let (revision, counts) = service.catalog.read { catalog in
      (catalog.revision, ResourceKind.allCases.map { ($0.collection, catalog.count($0)) })
    }
    // What the daemon says of itself comes first, so that it cannot hide what we know.
    var members = status().object ?? [:]
    // All that is counted is counted for all projects.
    if principal.project != nil { members = members.filter { $0.key == "version" } }
    members["status"] = isReady ? "ready" : "loading"
    members["revision"] = JSONValue(revision: revision)
    if principal.project == nil {
      if let progress {
        members["loading"] = ["read": JSONValue(progress.read), "of": JSONValue(progress.total)]
      }
      members["counts"] = .object(counts.map { ($0, JSONValue($1)) })
    }
    return .json(.object(members), status: isReady ? .ok : .serviceUnavailable)
  }

  /// Method, path, who asked and outcome. Bodies and queries stay out: they may hold secrets.
  private func log(
    _ request: Request, _ path: Substring, _ admission: Admission?, _ status: Int,
    _ problem: Problem?
  ) {
    var fields: Logger.Metadata = [
      "method": "\(request.method.rawValue)", "path": "\(path.prefix(256))", "status": "\(status)",
    ]
    if let author = admission?.principal.author {
      fields[author.kind.rawValue] = "\(author.name)"
      if let peer = author.peer { fields["peer"] = "\(peer)" }
    }
    if let problem { fields["problem"] = "\(problem.kind.rawValue)" }
    let isWrite = admission != nil && request.method != .get && request.method != .head
    // Who shows nothing is only counted, and who is told to wait was told of before: neither fills
    // the log.
    let isRefused = status == 403 || (status == 401 && request.headers[.authorization] != nil)
    // A health that is not ready yet has been told, and what passes by itself is no fault.
    let isFault = problem.map { $0.kind.status >= 500 && $0.retryAfterSeconds == nil } ?? false
    let level: Logger.Level = isFault ? .error : isWrite || isRefused ? .info : .debug
    logger.log(level: level, "control request", metadata: fields)
  }
}

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
  let peers: PeerRule
  let logger: Logger
  let status: @Sendable () -> JSONValue
  private let resources: ResourceHandlers
  private let instances: InstanceHandlers
  private let looks: LookHandlers
  private let applies: ApplyHandler
  private let watches: WatchHandler
  private let readiness: ReadinessHandler
  private let road: RoadHandlers
  private let service: MetadataService

  init(
    resources: ResourceService, peers: PeerRule, logger: Logger,
    status: @escaping @Sendable () -> JSONValue,
    listeners: @escaping @Sendable () -> [ListenerState]
  ) {
    self.peers = peers
    self.logger = logger
    self.status = status
    service = resources.service
    self.resources = ResourceHandlers(resources: resources)
    instances = InstanceHandlers(resources: resources)
    looks = LookHandlers(service: resources.service)
    road = RoadHandlers(service: resources.service, listeners: listeners)
    applies = ApplyHandler(resources: resources)
    readiness = ReadinessHandler(
      service: resources.service, listeners: listeners,
      places: WatchPlaces(limit: Limits.maximumReadinessWaits))
    watches = WatchHandler(
      service: resources.service, store: resources.store,
      places: WatchPlaces(limit: Limits.maximumWatchers))
  }

  func respond(to request: Request, context: ControlContext) async throws -> Response {
    let uid = await PeerRule.uid(of: context.channel)
    let target = request.head.path ?? "/"
    let path = target.prefix { $0 != "?" && $0 != "#" }
    do throws(Problem) {
      guard peers.allows(uid) else {
        throw Problem(.forbidden, "this user may not use the control socket")
      }
      let response = try await answer(request, String(path), target: target)
      log(request, path, uid, response.status.code, nil)
      return response
    } catch {
      var problem = error
      problem.instance = problem.instance ?? String(path)
      log(request, path, uid, problem.kind.status, problem)
      return .problem(problem)
    }
  }

  private func answer(_ request: Request, _ path: String, target: String) async throws(Problem)
    -> Response
  {
    guard target.utf8.count <= Limits.maximumControlTargetBytes else {
      throw Problem(
        .targetTooLong, "it has more than \(Limits.maximumControlTargetBytes) bytes")
    }
    let (route, parameters) = try RouteTable.match(method: request.method.rawValue, path: path)
    let rest = target.utf8.dropFirst(path.utf8.count).dropFirst()
    guard let query = PercentCoding.query(String(rest) ?? "") else {
      throw Problem(.badRequest, "the query is not percent-encoded UTF-8")
    }
    let request = ControlRequest(
      http: request, route: route, parameters: parameters, query: query)
    return try await answer(request)
  }

  private func answer(_ request: ControlRequest) async throws(Problem) -> Response {
    let kind = request.route.kind ?? .instance
    switch request.route.operation {
    case .getHealth: return health()
    case .getCounters: return counters()
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
    case .apply: return try applies.apply(request)
    case .watch: return try await watches.watch(request)
    case .listListeners: return road.listListeners()
    case .listStrangers: return road.listStrangers()
    case .getProbe: return try road.probe(request)
    case .getAddress: return try road.addressOwner(request)
    case .listIMDSv1Users: return try instances.imdsV1Users(request)
    }
  }

  // MARK: The service itself

  private func health() -> Response {
    let isReady = service.catalog.isLoaded
    let (revision, counts) = service.catalog.read { catalog in
      (catalog.revision, ResourceKind.allCases.map { ($0.collection, catalog.count($0)) })
    }
    // What the daemon says of itself comes first, so that it cannot hide what we know.
    var members = status().object ?? [:]
    members["status"] = isReady ? "ready" : "starting"
    members["revision"] = JSONValue(revision: revision)
    members["counts"] = .object(counts.map { ($0, JSONValue($1)) })
    return .json(.object(members), status: isReady ? .ok : .serviceUnavailable)
  }

  private func counters() -> Response {
    let counts = service.counters.values.sorted { $0.key < $1.key }
    return .json(.object(counts.map { ($0.key, JSONValue(revision: $0.value)) }))
  }

  /// Method, path, user and outcome. Bodies and queries stay out: they may hold secrets.
  private func log(
    _ request: Request, _ path: Substring, _ uid: UInt32?, _ status: Int, _ problem: Problem?
  ) {
    var fields: Logger.Metadata = [
      "method": "\(request.method.rawValue)", "path": "\(path.prefix(256))", "status": "\(status)",
    ]
    if let uid { fields["uid"] = "\(uid)" }
    if let problem { fields["problem"] = "\(problem.kind.rawValue)" }
    let isWrite = request.method != .get && request.method != .head
    let level: Logger.Level = status >= 500 ? .error : isWrite || status == 403 ? .info : .debug
    logger.log(level: level, "control request", metadata: fields)
  }
}

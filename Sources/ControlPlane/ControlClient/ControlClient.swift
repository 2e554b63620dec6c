import AsyncHTTPClient
public import ControlAPI
public import Inventory
import NIOCore
import NIOHTTP1

/// What commands ask a daemon with.
///
/// Shut it down after use, or let ``withConnection(to:_:)`` do so.
public struct ControlClient: Sendable {
  let transport: ControlTransport

  /// - Throws: ``ControlClientError/unusable(_:)`` where a file that the endpoint names cannot be
  ///   used.
  public init(_ endpoint: ControlEndpoint) throws(ControlClientError) {
    transport = try ControlTransport(endpoint)
  }

  public init(socketPath: String) { transport = ControlTransport(socketPath: socketPath) }

  /// Lends a client to `body` and shuts it down afterwards.
  public static func withConnection<Result>(
    to socketPath: String, _ body: (ControlClient) async throws -> Result
  ) async throws -> Result {
    try await withConnection(to: .socket(socketPath), body)
  }

  /// The same, for any endpoint.
  public static func withConnection<Result>(
    to endpoint: ControlEndpoint, _ body: (ControlClient) async throws -> Result
  ) async throws -> Result {
    let client = try ControlClient(endpoint)
    do {
      let result = try await body(client)
      await client.shutdown()
      return result
    } catch {
      await client.shutdown()
      throw error
    }
  }

  /// Closes all connections. The client must not be used afterwards.
  public func shutdown() async { try? await transport.client.shutdown() }

  // MARK: The daemon

  /// What the daemon says of itself, and whether it is ready.
  public func health() async throws(ControlClientError) -> (isReady: Bool, value: JSONValue) {
    let answer = try await transport.send(.GET, "/v1/health")
    return (answer.status == 200, try await transport.json(answer))
  }

  /// How often each thing happened since the daemon's start.
  public func counters() async throws(ControlClientError) -> JSONValue {
    try await transport.json(try await transport.send(.GET, "/v1/counters"))
  }

  // MARK: The store's backups

  /// Those that the daemon keeps, the newest first.
  public func backups() async throws(ControlClientError) -> [BackupForm] {
    try await items("/v1/backups", BackupForm.init(form:))
  }

  /// Makes one.
  public func makeBackup() async throws(ControlClientError) -> BackupForm {
    let answer = try await transport.send(.POST, "/v1/backups")
    guard let backup = BackupForm(form: try await transport.json(answer)) else {
      throw .broken("the backup cannot be read")
    }
    return backup
  }

  // MARK: The road to the daemon

  /// Where guests are listened to.
  public func listeners() async throws(ControlClientError) -> [ListenerState] {
    try await items("/v1/listeners", ListenerState.init(form:))
  }

  /// Addresses that requests came from which no instance sent, the latest first.
  public func strangers() async throws(ControlClientError) -> [StrangerForm] {
    try await items("/v1/strangers", StrangerForm.init(form:))
  }

  /// Instances that were answered without a session token, the latest first.
  /// - Parameter project: Only those of this project.
  public func imdsV1Users(project: String? = nil) async throws(ControlClientError)
    -> [TokenlessForm]
  {
    let query = project.map { "?project=\(PercentCoding.encode($0))" } ?? ""
    return try await items("/v1/imds-v1-users\(query)", TokenlessForm.init(form:))
  }

  /// What the daemon saw of a probe; nil where it saw none.
  public func probe(_ nonce: String) async throws(ControlClientError) -> ProbeForm? {
    let answer: ControlTransport.Answer
    do throws(ControlClientError) {
      answer = try await transport.send(.GET, "/v1/probes/\(PercentCoding.encode(nonce))")
    } catch {
      if case .problem(let problem) = error, problem.kind == .notFound { return nil }
      throw error
    }
    guard let probe = ProbeForm(form: try await transport.json(answer)) else {
      throw .broken("the probe cannot be read")
    }
    return probe
  }

  /// Whose an address is.
  public func owner(of address: IPAddress, on network: NetworkID? = nil)
    async throws(ControlClientError) -> AddressOwner
  {
    let query = network.map { "?network=\($0.text)" } ?? ""
    let value = try await transport.json(
      try await transport.send(.GET, "/v1/addresses/\(address)\(query)"))
    guard let owner = AddressOwner(form: value) else {
      throw .broken("the address cannot be read")
    }
    return owner
  }

  func items<Item>(_ path: String, _ read: (JSONValue) -> Item?)
    async throws(ControlClientError) -> [Item]
  {
    let value = try await transport.json(try await transport.send(.GET, path))
    guard let forms = value["items"]?.array else { throw .broken("the list cannot be read") }
    let items = forms.compactMap(read)
    guard items.count == forms.count else { throw .broken("the list cannot be read") }
    return items
  }

  // MARK: Resources

  public func get(_ id: ResourceID) async throws(ControlClientError) -> Record {
    try await record(await transport.send(.GET, ControlPath.resource(id)))
  }

  /// One page; ``RecordPage/next`` is the marker for the one after it.
  public func list(_ kind: ResourceKind, _ query: ListQuery = ListQuery())
    async throws(ControlClientError) -> RecordPage
  {
    let path = "\(ControlPath.collection(kind))?\(query.text)"
    let value = try await transport.json(try await transport.send(.GET, path))
    guard let page = RecordPage(form: value) else { throw .broken("the page cannot be read") }
    return page
  }

  /// All pages, one after another.
  /// - Parameter take: Is given each page's records as they come.
  public func eachPage(
    of kind: ResourceKind, _ query: ListQuery = ListQuery(), _ take: ([Record]) -> Void
  ) async throws(ControlClientError) {
    var query = query
    query.limit = Limits.maximumPageSize
    while true {
      let page = try await list(kind, query)
      take(page.items)
      guard let next = page.next else { return }
      query.marker = next
    }
  }

  /// All pages together.
  public func listAll(_ kind: ResourceKind, _ query: ListQuery = ListQuery())
    async throws(ControlClientError) -> [Record]
  {
    var records: [Record] = []
    try await eachPage(of: kind, query) { records += $0 }
    return records
  }

  /// Declares what does not exist yet. An instance's document may leave out its id.
  public func create(_ document: JSONValue, kind: ResourceKind) async throws(ControlClientError)
    -> Record
  {
    try await record(
      await transport.send(
        .POST, ControlPath.collection(kind), headers: ControlClient.jsonHeaders,
        body: .bytes(document.bytes)))
  }

  /// Creates or replaces.
  public func put(_ resource: Resource, _ precondition: Precondition = .none)
    async throws(ControlClientError) -> Record
  {
    try await record(
      await transport.send(
        .PUT, ControlPath.resource(resource.id),
        headers: ControlClient.jsonHeaders + ControlClient.headers(precondition),
        body: .bytes(resource.value.bytes)))
  }

  public func delete(_ id: ResourceID, _ precondition: Precondition = .none)
    async throws(ControlClientError)
  {
    _ = try await transport.send(
      .DELETE, ControlPath.resource(id), headers: ControlClient.headers(precondition))
  }

  // MARK: Instances

  /// The instance's own parameters, a map of strings.
  public func metadata(of id: InstanceID) async throws(ControlClientError) -> JSONValue {
    try await transport.json(try await transport.send(.GET, ControlPath.metadata(id)))
  }

  /// Sets parameters and takes those away that are nil; others stay.
  /// - Returns: All parameters after the change.
  @discardableResult
  public func changeMetadata(of id: InstanceID, _ changes: [(key: String, value: String?)])
    async throws(ControlClientError) -> JSONValue
  {
    let body = JSONValue.object(changes.map { ($0.key, JSONValue($0.value)) })
    let answer = try await transport.send(
      .PATCH, ControlPath.metadata(id),
      headers: [("Content-Type", MediaType.mergePatch.rawValue)], body: .bytes(body.bytes))
    return try await transport.json(answer)
  }

  /// What the guest posted, still encrypted.
  public func password(of id: InstanceID) async throws(ControlClientError) -> String {
    let answer = try await transport.send(.GET, ControlPath.password(id))
    guard let text = try await transport.json(answer)["password"]?.string else {
      throw .broken("the password cannot be read")
    }
    return text
  }

  public func clearPassword(of id: InstanceID) async throws(ControlClientError) {
    _ = try await transport.send(.DELETE, ControlPath.password(id))
  }

  /// What a guest would be answered.
  public struct Look: Sendable, Hashable {
    /// The status that the guest would get.
    public var status: Int
    public var contentType: String
    public var body: [UInt8]
  }

  public func look(_ path: String, as id: InstanceID) async throws(ControlClientError) -> Look {
    let answer = try await transport.send(
      .GET, "\(ControlPath.look(id))?path=\(PercentCoding.encode(path))")
    let status = answer.headers.first(name: ControlHeader.guestStatus).flatMap { Int($0) }
    return Look(
      status: status ?? answer.status,
      contentType: answer.headers.first(name: "Content-Type") ?? "",
      body: try await transport.bytes(answer))
  }

  /// All that a guest finds below a path, or anywhere where it is nil.
  public func tree(of id: InstanceID, below path: String? = nil) async throws(ControlClientError)
    -> JSONValue
  {
    let below = path.map { "&path=\(PercentCoding.encode($0))" } ?? ""
    let answer = try await transport.send(.GET, "\(ControlPath.look(id))?tree=true\(below)")
    return try await transport.json(answer)
  }

  /// Whether the instance's guest would be answered; nil where it is not declared.
  /// - Parameter duration: How long the daemon may wait for that, at most
  ///   ``Inventory/Limits/maximumReadinessWaitSeconds``.
  public func readiness(of id: InstanceID, waiting duration: Duration = .zero)
    async throws(ControlClientError) -> ReadinessForm?
  {
    let wait = duration / .milliseconds(1)
    let answer: ControlTransport.Answer
    do throws(ControlClientError) {
      answer = try await transport.send(
        .GET, "\(ControlPath.readiness(id))?wait=\(Int(wait))ms")
    } catch {
      if case .problem(let problem) = error, problem.kind == .notFound { return nil }
      throw error
    }
    guard let readiness = ReadinessForm(form: try await transport.json(answer)) else {
      throw .broken("the readiness cannot be read")
    }
    return readiness
  }

  // MARK: Parts

  static let jsonHeaders = [("Content-Type", MediaType.json.rawValue)]

  private func record(_ answer: ControlTransport.Answer) async throws(ControlClientError) -> Record
  {
    guard let record = Record(form: try await transport.json(answer)) else {
      throw .broken("the record cannot be read")
    }
    return record
  }

  private static func headers(_ precondition: Precondition) -> [(String, String)] {
    switch precondition {
    case .none: []
    case .absent: [("If-None-Match", "*")]
    case .present: [("If-Match", "*")]
    case .revisions(let revisions):
      [("If-Match", revisions.map(ETag.text).joined(separator: ", "))]
    }
  }
}

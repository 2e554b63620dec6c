import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService
import NIOCore
import OrderedCollections
import ServiceLifecycle

/// Answers the control API's requests: routes by ``Operation``, decodes, asks the services.
struct ControlResponder: HTTPResponder {
  let service: MetadataService
  let resources: ResourceService
  let peers: PeerRule
  let version: String

  func respond(to request: Request, context: ControlContext) async throws -> Response {
    do {
      try await peers.check(context.channel)
      return try await answer(request)
    } catch let problem as ControlProblem {
      return Response(problem)
    }
  }

  private func answer(_ request: Request) async throws -> Response {
    guard let segments = URLText.segments(request.uri.path),
      let query = URLText.query(request.uri.query ?? "")
    else { throw ControlProblem.badRequest("The path or query is not percent-encoded UTF-8.") }
    let (operation, values) = try Operation.match(
      method: request.method.rawValue, segments: segments)
    switch operation {
    case .health: return health()
    case .counters:
      let counts = service.counters.values.sorted { $0.key < $1.key }
      return Response(
        json: .object(
          OrderedDictionary(
            uniqueKeysWithValues: counts.map { ($0.key, JSONValue(Int(clamping: $0.value))) })))
    case .openapi: return Response(json: OpenAPIDocument.render(version: version))
    case .listResources:
      let list = try ResourceList(kind: try kind(values), query: query)
      return Response(json: list.page(of: service.catalog))
    case .createResource, .getResource, .putResource, .deleteResource:
      return try await resource(operation, request, values)
    case .getMetadata, .replaceMetadata, .mergeMetadata, .deleteMetadataItem:
      return try await metadata(operation, request, values)
    case .getPassword, .clearPassword: return try await password(operation, values)
    case .look: return try await look(try instanceID(values), query)
    case .apply:
      return ApplyExchange(resources: resources, dryRun: query["dryRun"] == "true")
        .response(to: request)
    case .watch: return try await watch(request, query)
    }
  }

  private func health() -> Response {
    let isReady = service.catalog.isLoaded
    let body: JSONValue = service.catalog.read { catalog in
      [
        "ready": .bool(isReady), "version": .string(version),
        "revision": JSONValue(Int(clamping: catalog.revision)),
        "networks": JSONValue(catalog.count(.network)),
        "keypairs": JSONValue(catalog.count(.keyPair)),
        "instances": JSONValue(catalog.count(.instance)),
      ]
    }
    return Response(json: body, status: isReady ? .ok : .serviceUnavailable)
  }

  // MARK: Resources

  private func resource(
    _ operation: Operation, _ request: Request, _ values: [String: String]
  ) async throws -> Response {
    let kind = try kind(values)
    if operation == .createResource {
      let document = try await body(request, kind: kind)
      let result = try await resources.commit([.put(try resources.read(document), .absent)])
      return try Response(result, location: true)
    }
    let id = ResourceID(kind: kind, text: canonical(values["id"] ?? "", kind))
    switch operation {
    case .putResource:
      let document = try await body(request, kind: kind)
      let resource = try resources.read(document)
      guard resource.id == id else {
        throw ControlProblem.badRequest("The path says \(id), the document \(resource.id).")
      }
      return try Response(try await resources.commit([.put(resource, try condition(request))]))
    case .deleteResource:
      _ = try await resources.commit([.delete(id, try condition(request))])
      return Response(status: .noContent)
    default:
      guard let record = service.catalog.read({ $0.record(id) }) else {
        throw ControlProblem.notFound(id)
      }
      return Response(json: record.representation, tag: record.entityTag)
    }
  }

  /// UUIDs and key pair ids are found however they are written.
  private func canonical(_ text: String, _ kind: ResourceKind) -> String {
    kind == .instance ? InstanceID(text)?.description ?? text : text
  }

  /// If-Match and If-None-Match, so that two operators do not overwrite each other.
  private func condition(_ request: Request) throws -> Precondition {
    if let none = request.headers[.ifNoneMatch] {
      guard none == "*" else { throw ControlProblem.badRequest("If-None-Match takes only *.") }
      return .absent
    }
    guard let match = request.headers[.ifMatch] else { return .none }
    if match == "*" { return .present }
    let revisions = match.split(separator: ",").map { tag -> Revision? in
      Revision(String(tag).trimmingQuotes)
    }
    guard !revisions.contains(nil) else {
      throw ControlProblem.badRequest("If-Match takes entity tags as this API gave them.")
    }
    return .revisions(revisions.compactMap { $0 })
  }

  private func kind(_ values: [String: String]) throws -> ResourceKind {
    guard let kind = values["kind"].flatMap(ResourceKind.init(pathName:)) else {
      throw ControlProblem.badRequest("There is no such kind.")
    }
    return kind
  }

  private func instanceID(_ values: [String: String]) throws -> InstanceID {
    let text = values["id"] ?? ""
    guard let id = InstanceID(text) else {
      throw ControlProblem.notFound(ResourceID(kind: .instance, text: text))
    }
    return id
  }

  /// A document whose `kind`, where it is left out, is the path's.
  private func body(_ request: Request, kind: ResourceKind) async throws -> JSONValue {
    let value = try await json(request)
    guard case .object(var members) = value else { return value }
    if members["kind"] == nil {
      members.updateValue(.string(kind.rawValue), forKey: "kind", insertingAt: 0)
    }
    guard members["kind"] == .string(kind.rawValue) else {
      throw ControlProblem.badRequest("The document is not of the path's kind.")
    }
    return .object(members)
  }

  private func json(_ request: Request) async throws -> JSONValue {
    let limit = Limits.maximumDocumentBytes
    var bytes: [UInt8] = []
    for try await buffer in request.body {
      guard bytes.count + buffer.readableBytes <= limit else {
        throw ControlProblem.tooLarge(limit)
      }
      bytes.append(contentsOf: buffer.readableBytesView)
    }
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      throw ControlProblem(error)
    }
  }

  // MARK: Metadata, password

  private func metadata(
    _ operation: Operation, _ request: Request, _ values: [String: String]
  ) async throws -> Response {
    let id = ResourceID(kind: .instance, text: try instanceID(values).description)
    let key = values["key"] ?? ""
    switch operation {
    case .getMetadata:
      guard let instance = service.catalog.read({ $0.record(id) })?.resource.instance else {
        throw ControlProblem.notFound(id)
      }
      return Response(metadata: instance.metadata)
    case .deleteMetadataItem:
      let left = try await resources.changeMetadata(of: id) { (items) throws(ControlProblem) in
        guard items.removeValue(forKey: key) != nil else {
          throw ControlProblem(
            status: 404, type: "not-found", title: "There is no such parameter",
            detail: "\(id) has no parameter '\(key)'.")
        }
      }
      return Response(metadata: left)
    default:
      let new = try strings(try await json(request))
      let all = try await resources.changeMetadata(of: id) { (items) throws(ControlProblem) in
        if operation == .replaceMetadata { items = [:] }
        for (key, value) in new { items[key] = value }
      }
      return Response(metadata: all)
    }
  }

  private func strings(_ value: JSONValue) throws -> OrderedDictionary<String, String> {
    guard let members = value.object else {
      throw ControlProblem.badRequest("The body must be a map of strings.")
    }
    var strings: OrderedDictionary<String, String> = [:]
    for (key, value) in members {
      guard let text = value.string else {
        throw ControlProblem(
          FieldError(path: key, message: "must be a string, not \(value.typeName)"))
      }
      strings[key] = text
    }
    return strings
  }

  private func password(_ operation: Operation, _ values: [String: String]) async throws
    -> Response
  {
    let id = try instanceID(values)
    if operation == .clearPassword {
      _ = try await resources.commit([.clearPassword(id)])
      return Response(status: .noContent)
    }
    let resource = ResourceID(kind: .instance, text: id.description)
    guard service.catalog.read({ $0.record(resource) }) != nil else {
      throw ControlProblem.notFound(resource)
    }
    let password = service.catalog.read { $0.password(of: id) }?.revealed ?? []
    return Response(bytes: password, type: "application/octet-stream")
  }

  // MARK: Look, watch

  private func look(_ id: InstanceID, _ query: [String: String]) async throws -> Response {
    let path = query["path"] ?? "/"
    if query["tree"] == "true" {
      var tree = LookTree(service: service, id: id)
      return Response(json: await tree.walk(path))
    }
    guard let answer = await service.look(path, as: id) else {
      throw ControlProblem.notFound(ResourceID(kind: .instance, text: id.description))
    }
    var response = Response(bytes: answer.body, type: answer.contentType)
    response.headers[.guestStatus] = String(answer.status)
    return response
  }

  private func watch(_ request: Request, _ query: [String: String]) async throws -> Response {
    let since = query["since"] ?? request.headers[.lastEventID]
    let start = since.map(Revision.init) ?? service.catalog.read { $0.revision }
    guard let start else { throw ControlProblem.badRequest("since must be a revision.") }
    let kind = query["kind"].map(ResourceKind.init(pathName:))
    if case .some(.none) = kind {
      throw ControlProblem.badRequest("kind must be networks, keypairs or instances.")
    }
    let wanted = kind.flatMap { $0 }
    let changes = try await resources.changes(after: start)
    var headers = HTTPFields()
    headers[.contentType] = "text/event-stream"
    headers[.cacheControl] = "no-store"
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        // The client learns at once that it is heard.
        try await writer.write(ByteBuffer(string: ": since \(start)\n\n"))
        for await batch in changes.cancelOnGracefulShutdown() {
          let events = batch.changes.map { WatchEvent($0, revision: batch.revision) }
          let text = events.filter { wanted == nil || $0.kind == wanted }.map(\.text).joined()
          if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
        }
        try await writer.finish(nil)
      })
  }
}

extension String {
  /// Without spaces, a `W/` and the quotes of an entity tag.
  fileprivate var trimmingQuotes: String {
    let text = trimmed
    return text.hasPrefix("\"") && text.hasSuffix("\"") && text.count > 1
      ? String(text.dropFirst().dropLast()) : text
  }
}

extension HTTPField.Name {
  /// The status that the guest itself would have been given.
  static let guestStatus = HTTPField.Name("Nameplate-Guest-Status") ?? .server
  static let lastEventID = HTTPField.Name("Last-Event-ID") ?? .server
}

extension Response {
  init(bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) {
    self.init(
      status: status, headers: [.contentType: type],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  init(json: JSONValue, status: HTTPResponse.Status = .ok, tag: String? = nil) {
    self.init(bytes: json.bytes, type: "application/json", status: status)
    if let tag { headers[.eTag] = tag }
  }

  init(metadata: OrderedDictionary<String, String>) {
    self.init(json: .object(metadata.mapValues(JSONValue.string)))
  }

  init(_ problem: ControlProblem) {
    self.init(
      bytes: problem.value.bytes, type: ControlProblem.contentType,
      status: HTTPResponse.Status(code: problem.status))
  }

  /// The one record that a commit wrote.
  init(_ result: CommitResult, location: Bool = false) throws {
    guard let outcome = result.outcomes.first, let record = outcome.current else {
      throw ControlProblem.badRequest("Nothing was written.")
    }
    self.init(
      json: record.representation, status: outcome.action == .created ? .created : .ok,
      tag: record.entityTag)
    if location {
      let id = record.resource.id
      headers[.location] = "/v1/\(id.kind.pathName)/\(URLText.encode(id.text))"
    }
  }
}

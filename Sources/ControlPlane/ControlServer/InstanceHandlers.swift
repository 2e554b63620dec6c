import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService
import OrderedCollections

/// An instance's parameters and password.
struct InstanceHandlers: Sendable {
  let resources: ResourceService

  // MARK: Metadata

  func metadata(_ request: ControlRequest) throws(Problem) -> Response {
    let record = try resources.record(request.resourceID(), for: request.principal)
    if ETag.isKnown(record.revision, to: request.http.headers[.ifNoneMatch]) {
      return Response(status: .notModified, headers: [.eTag: ETag.text(record.revision)])
    }
    return InstanceHandlers.reply(record)
  }

  func replaceMetadata(_ request: ControlRequest) async throws(Problem) -> Response {
    let body = try await InstanceHandlers.map(request)
    var items: MetadataMap = [:]
    for (key, value) in body { items[key] = try InstanceHandlers.text(value, key) }
    return try await edit(request) { (map: inout MetadataMap) throws(Problem) in map = items }
  }

  func mergeMetadata(_ request: ControlRequest) async throws(Problem) -> Response {
    var changes: [(key: String, value: String?)] = []
    for (key, value) in try await InstanceHandlers.map(request) {
      changes.append((key, value == .null ? nil : try InstanceHandlers.text(value, key)))
    }
    return try await edit(request) { (map: inout MetadataMap) throws(Problem) in
      for (key, value) in changes { map[key] = value }
    }
  }

  func putItem(_ request: ControlRequest) async throws(Problem) -> Response {
    let key = request.parameters["key"] ?? ""
    let text = try InstanceHandlers.text(try await request.json(), key)
    return try await edit(request) { (map: inout MetadataMap) throws(Problem) in map[key] = text }
  }

  func deleteItem(_ request: ControlRequest) async throws(Problem) -> Response {
    let key = request.parameters["key"] ?? ""
    return try await edit(request) { (map: inout MetadataMap) throws(Problem) in
      guard map.removeValue(forKey: key) != nil else {
        throw Problem(.notFound, "the instance has no metadata '\(key)'")
      }
    }
  }

  private func edit(
    _ request: ControlRequest, _ edit: (inout MetadataMap) throws(Problem) -> Void
  ) async throws(Problem) -> Response {
    let precondition = try request.precondition()
    guard precondition != .absent else {
      throw Problem(.badRequest, "If-None-Match has no meaning here; use If-Match")
    }
    let id = try request.instanceID()
    return InstanceHandlers.reply(
      try await resources.editMetadata(
        of: id, precondition: precondition, by: request, edit))
  }

  private static func reply(_ record: Record) -> Response {
    let metadata = record.resource.instance?.metadata ?? [:]
    return .json(
      .object(metadata.mapValues(JSONValue.string)),
      headers: [.eTag: ETag.text(record.revision)])
  }

  private static func map(_ request: ControlRequest) async throws(Problem)
    -> OrderedDictionary<String, JSONValue>
  {
    let body = try await request.json()
    guard let members = body.object else {
      throw Problem(.invalid, "the body must be a map, not \(body.typeName)")
    }
    return members
  }

  private static func text(_ value: JSONValue, _ key: String) throws(Problem) -> String {
    guard let text = value.string else {
      throw Problem(
        .invalid, "must be a string, not \(value.typeName)", field: "metadata.\(key)")
    }
    return text
  }

  // MARK: Session tokens

  func imdsV1Users(_ request: ControlRequest) throws(Problem) -> Response {
    let asked = try request.query(allowing: ["project"])["project"]
    let own = request.principal.project
    let isForeign = own != nil && asked != nil && own != asked
    let users = isForeign ? [] : resources.service.tokenlessUsers(in: own ?? asked)
    return .json(["items": .array(users.map { TokenlessForm($0).form })])
  }

  // MARK: Password

  func password(_ request: ControlRequest) throws(Problem) -> Response {
    let id = try request.instanceID()
    _ = try resources.record(request.resourceID(), for: request.principal)
    guard let password = resources.service.catalog.read({ $0.password(of: id) }) else {
      throw Problem(.notFound, "the guest has posted no password")
    }
    let text = String(decoding: password.revealed, as: UTF8.self)
    return .json(["password": .string(text)])
  }

  func clearPassword(_ request: ControlRequest) async throws(Problem) -> Response {
    _ = try resources.record(request.resourceID(), for: request.principal)
    _ = try await resources.commit(
      [.clearPassword(request.instanceID())], by: request.context)
    return Response(status: .noContent)
  }
}

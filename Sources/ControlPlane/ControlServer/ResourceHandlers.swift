import ControlAPI
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService

/// Lists, reads and writes of single resources.
struct ResourceHandlers: Sendable {
  let resources: ResourceService
  let order: KeptOrder

  func list(_ request: ControlRequest, _ kind: ResourceKind) throws(Problem) -> Response {
    let query = try ListQuery(request.query, for: kind)
    let catalog = resources.service.catalog
    // What changes while the page is made is told to a watch that goes on from here.
    let revision = catalog.revision
    let principal = request.principal
    let selected: [Record]
    switch kind {
    case .instance:
      var marker: InstanceID?
      if let text = query.marker {
        guard let id = InstanceID(text) else {
          throw Problem(.badRequest, "'\(text)' is not an instance's id", field: "marker")
        }
        marker = id
      }
      selected = InstancePage(
        catalog: catalog, order: order, query: query, isVisible: principal.sees
      )
      .records(after: marker)
    case .project, .network, .keyPair:
      let visible = catalog.read { $0.records(kind) }.filter { principal.sees($0.resource) }
      selected = PageSelector.select(visible, query, after: query.marker)
    }
    let items = Array(selected.prefix(query.limit))
    let next = selected.count > query.limit ? items.last?.resource.id.text : nil
    return .json(
      RecordPage(items: items, next: next, revision: revision).form(for: principal))
  }

  func get(_ request: ControlRequest) throws(Problem) -> Response {
    let record = try resources.record(request.resourceID(), for: request.principal)
    if ETag.isKnown(record.revision, to: request.http.headers[.ifNoneMatch]) {
      return Response(status: .notModified, headers: [.eTag: ETag.text(record.revision)])
    }
    return .json(
      request.principal.shown(record), headers: [.eTag: ETag.text(record.revision)])
  }

  func create(_ request: ControlRequest, _ kind: ResourceKind) async throws(Problem) -> Response {
    let resource = try resources.document(await request.json()).resource
    try check(resource, is: kind)
    let result: CommitResult
    do throws(Problem) {
      result = try await resources.commit([.put(resource, .absent)], by: request.context)
    } catch  where error.kind == .preconditionFailed {
      throw Problem(
        .claimed, "\(resource.id) exists already; PUT replaces it",
        holder: resource.id.description)
    }
    return try written(result, resource.id)
  }

  func put(_ request: ControlRequest, _ kind: ResourceKind) async throws(Problem) -> Response {
    let id = try request.resourceID()
    let precondition = try request.precondition()
    let body = try await request.json()
    let resource: Resource
    do throws(FieldError) {
      let instanceID = InstanceID(id.text)
      resource = try Resource(
        reading: body, makeID: instanceID.map { id in { () -> InstanceID in id } })
    } catch {
      throw Problem(error)
    }
    try check(resource, is: kind)
    guard resource.id == id else {
      throw Problem(
        .invalid, "the document is \(resource.id), the path is \(id)",
        field: kind == .keyPair ? "name" : "id")
    }
    return try written(
      try await resources.commit([.put(resource, precondition)], by: request.context), id)
  }

  func delete(_ request: ControlRequest) async throws(Problem) -> Response {
    let id = try request.resourceID()
    _ = try await resources.commit(
      [.delete(id, request.precondition())], by: request.context)
    return Response(status: .noContent)
  }

  private func check(_ resource: Resource, is kind: ResourceKind) throws(Problem) {
    guard resource.kind == kind else {
      throw Problem(
        .invalid, "is \(resource.kind.rawValue); this path takes \(kind.rawValue)", field: "kind")
    }
  }

  private func written(_ result: CommitResult, _ id: ResourceID) throws(Problem) -> Response {
    guard let outcome = result.outcomes.first, let record = outcome.current else {
      throw Problem(.internalError, "the store did not say what it wrote")
    }
    guard outcome.action == .created else { return .record(record) }
    return .record(record, status: .created, headers: [.location: ControlPath.resource(id)])
  }
}

import ControlAPI
import Dialects
import HTTPTypes
import Hummingbird
import Inventory
import MetadataService
import OrderedCollections

/// What a guest sees, for its operator.
struct LookHandlers: Sendable {
  let resources: ResourceService
  private var service: MetadataService { resources.service }

  init(resources: ResourceService) { self.resources = resources }

  func look(_ request: ControlRequest) async throws(Problem) -> Response {
    let query = try request.query(allowing: ["path", "tree"])
    let id = try request.instanceID()
    _ = try resources.record(request.resourceID(), for: request.principal)
    if try query.flag("tree") { return try tree(id, path: query["path"]) }
    guard let answer = await service.look(query["path"] ?? "/", as: id) else {
      throw .missing(try request.resourceID())
    }
    var headers: HTTPFields = [:]
    if let name = HTTPField.Name(ControlHeader.guestStatus) {
      headers[name] = String(answer.status)
    }
    return .bytes(answer.body, type: answer.contentType.rawValue, headers: headers)
  }

  private func tree(_ id: InstanceID, path: String?) throws(Problem) -> Response {
    guard service.catalog.read({ $0.has(id) }) else {
      throw .missing(ResourceID(kind: .instance, text: id.description))
    }
    var roots: [[String]] = [[], ["openstack"], ["nocloud"]]
    if let path {
      do {
        roots = [try RequestTarget(parsing: Array(path.utf8)).segments]
      } catch {
        let isPath = error != .notAPath
        throw Problem(
          .badRequest, isPath ? "cannot be read" : "must start with /, like /latest/meta-data/",
          field: "path")
      }
    }
    var walk = TreeWalk { [service] segments in
      service.node(RequestTarget(segments: segments), as: id)
    }
    for root in roots { walk.visit(root) }
    guard path == nil || !walk.entries.isEmpty else {
      throw Problem(.notFound, "the guest finds nothing at this path")
    }
    return .json(.object(walk.entries))
  }
}

/// Goes through listings down to the documents, as far as the bounds allow.
struct TreeWalk {
  private(set) var entries: OrderedDictionary<String, JSONValue> = [:]
  private let node: ([String]) -> MetadataNode?

  init(node: @escaping ([String]) -> MetadataNode?) { self.node = node }

  mutating func visit(_ segments: [String]) {
    let path = RequestTarget(segments: segments).description
    guard let node = node(segments) else { return }
    switch node {
    case .document(let document), .password(let document):
      entries[path] = TreeWalk.form(document)
    case .listing(let listing):
      let key = path.hasSuffix("/") ? path : path + "/"
      guard entries[key] == nil else { return }
      let lines = JSONValue.array(listing.map { JSONValue($0.listed) })
      let isFull =
        segments.count >= Limits.maximumTreeDepth
        || entries.count + listing.count > Limits.maximumTreeNodes
      guard !isFull else {
        entries[key] = ["listing": lines, "truncated": true]
        return
      }
      entries[key] = ["listing": lines]
      for entry in listing { visit(segments + [entry.segment]) }
    }
  }

  private static func form(_ document: Document) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("size", JSONValue(document.bytes.count)), ("type", .string(document.contentType.rawValue)),
    ]
    if let text = String(validating: document.bytes, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 || "\n\t\r".unicodeScalars.contains($0) })
    {
      members.append(("text", .string(text)))
    }
    return .object(members)
  }
}

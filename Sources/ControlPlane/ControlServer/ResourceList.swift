import ControlAPI
import Inventory
import MetadataService
import OrderedCollections

/// A page of a list: what is asked for, and picking it from the catalogue.
struct ResourceList {
  private let kind: ResourceKind
  private let limit: Int
  private let marker: String?
  private let filters: [String: String]

  init(kind: ResourceKind, query: [String: String]) throws(ControlProblem) {
    self.kind = kind
    let known = Set(Operation.listResources.query.map(\.name))
    if let unknown = query.keys.sorted().first(where: { !known.contains($0) }) {
      throw .badRequest(
        "'\(unknown)' is not a filter; there are \(known.sorted().joined(separator: ", ")).")
    }
    if let text = query["limit"] {
      guard let limit = Int(text), (1...Limits.maximumPageSize).contains(limit) else {
        throw .badRequest("limit must be 1 to \(Limits.maximumPageSize).")
      }
      self.limit = limit
    } else {
      limit = Limits.defaultPageSize
    }
    if let address = query["address"], IPAddress(address) == nil {
      throw .badRequest("'\(address)' is not an IP address.")
    }
    marker = query["marker"]
    filters = query
  }

  func page(of catalog: LiveCatalog) -> JSONValue {
    let (records, revision) = catalog.read { ($0.records(kind), $0.revision) }
    let matching = records.lazy.filter(matches).map { (id: $0.resource.id.text, record: $0) }
      .filter { id, _ in marker.map { id > $0 } ?? true }
      .sorted { $0.id < $1.id }
    let page = matching.prefix(limit)
    var members: OrderedDictionary<String, JSONValue> = [
      "items": .array(page.map(\.record.representation)),
      "revision": JSONValue(Int(clamping: revision)),
    ]
    if matching.count > limit, let last = page.last { members["next"] = .string(last.id) }
    return .object(members)
  }

  private func matches(_ record: Record) -> Bool {
    if let project = filters["project"], record.resource.project != project { return false }
    if let name = filters["name"], record.resource.name != name { return false }
    guard case .instance(let instance) = record.resource else {
      return filters["hostname"] == nil && filters["host"] == nil && filters["network"] == nil
        && filters["address"] == nil
    }
    if let hostname = filters["hostname"], instance.hostname != hostname { return false }
    if let host = filters["host"], instance.host != host { return false }
    if let network = filters["network"],
      !instance.interfaces.contains(where: { $0.network.text == network })
    {
      return false
    }
    if let address = filters["address"].flatMap(IPAddress.init),
      !instance.interfaces.flatMap(\.addresses).contains(where: { $0.ip == address })
    {
      return false
    }
    return true
  }
}

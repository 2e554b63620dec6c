import Dialects
import Inventory
import MetadataService
import OrderedCollections

/// All that a guest could ask under a path, walked as a guest would walk it.
struct LookTree {
  /// More paths than any instance has, so that a walk ends whatever is declared.
  private static let maximumPaths = 20_000
  private static let shownBytes = 512

  private let service: MetadataService
  private let id: InstanceID
  private var entries: OrderedDictionary<String, JSONValue> = [:]

  init(service: MetadataService, id: InstanceID) {
    self.service = service
    self.id = id
  }

  /// Path to what stands there: `{listing}` or `{type, size, text?}`.
  mutating func walk(_ path: String) async -> JSONValue {
    if let target = try? RequestTarget(parsing: path.utf8) { await visit(target) }
    return .object(entries)
  }

  private mutating func visit(_ target: RequestTarget) async {
    guard entries.count < LookTree.maximumPaths, let node = service.node(target, as: id) else {
      return
    }
    switch node {
    case .listing(let listing):
      entries[target.description] = ["listing": .array(listing.map { .string($0.listed) })]
      for entry in listing {
        await visit(RequestTarget(segments: target.segments + [entry.segment]))
      }
    case .document, .password:
      guard let answer = await service.look(target.description, as: id) else { return }
      var members: OrderedDictionary<String, JSONValue> = [
        "type": .string(answer.contentType), "size": JSONValue(answer.body.count),
      ]
      if answer.body.count <= LookTree.shownBytes,
        let text = String(validating: answer.body, as: UTF8.self)
      {
        members["text"] = .string(text)
      }
      entries[target.description] = .object(members)
    }
  }
}

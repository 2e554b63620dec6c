public import ControlAPI
public import Inventory
public import MetadataService
import OrderedCollections

/// Every write of an operator goes through here, whichever way it came: it is judged, kept on
/// disk, and visible to guests before it is acknowledged.
public struct ResourceService: Sendable {
  private let store: any InventoryStore
  let catalog: LiveCatalog
  private let now: @Sendable () -> Int
  private let makeID: @Sendable () -> InstanceID

  /// - Parameters:
  ///   - now: Seconds since 1970.
  ///   - makeID: The id of an instance that declares none.
  public init(
    store: any InventoryStore, catalog: LiveCatalog, now: @escaping @Sendable () -> Int,
    makeID: @escaping @Sendable () -> InstanceID
  ) {
    self.store = store
    self.catalog = catalog
    self.now = now
    self.makeID = makeID
  }

  /// Declares or replaces resources, all or none of them. Documents may come in any order.
  /// - Returns: The outcomes in the documents' order.
  public func apply(_ documents: [JSONValue], dryRun: Bool) async throws(ControlProblem)
    -> CommitResult
  {
    guard documents.count <= Limits.maximumBatchDocuments else {
      throw .badRequest(
        "There are \(documents.count) documents; at most \(Limits.maximumBatchDocuments) are "
          + "taken at a time.")
    }
    var resources: [Resource] = []
    resources.reserveCapacity(documents.count)
    for (index, document) in documents.enumerated() {
      resources.append(try read(document, index: index))
    }
    return try await commit(resources.map { .put($0) }, dryRun: dryRun)
  }

  /// Reads a document. One without an id is the instance that has its first address, if that is of
  /// the same project and host name: applying a file twice changes nothing.
  func read(_ document: JSONValue, index: Int? = nil) throws(ControlProblem) -> Resource {
    do {
      let resource = try Resource(reading: document, makeID: makeID)
      guard document["id"] == nil, case .instance(var instance) = resource,
        let known = holder(like: instance)
      else { return resource }
      instance.id = known
      return .instance(instance)
    } catch {
      throw ControlProblem(error, index: index)
    }
  }

  private func holder(like instance: Instance) -> InstanceID? {
    guard let interface = instance.interfaces.first, let address = interface.addresses.first
    else { return nil }
    guard
      case .instance(let view) = catalog.read({ $0.match(address.ip, on: interface.network) }),
      view.instance.hostname == instance.hostname, view.instance.project == instance.project
    else { return nil }
    return view.instance.id
  }

  /// Commits, and waits until guests are answered by it.
  public func commit(_ mutations: [Mutation], dryRun: Bool = false) async throws(ControlProblem)
    -> CommitResult
  {
    do {
      let result = try await store.commit(mutations, now: now(), dryRun: dryRun)
      if !dryRun { await catalog.wait(for: result.revision) }
      return result
    } catch {
      throw ControlProblem(error)
    }
  }

  func changes(after revision: Revision) async throws(ControlProblem) -> AsyncStream<ChangeBatch> {
    do {
      return try await store.changes(after: revision)
    } catch {
      throw ControlProblem(error)
    }
  }

  // MARK: User's parameters

  /// Changes an instance's metadata without losing what others change at the same time: the write
  /// counts only if the instance is still as it was read, else it is read again.
  func changeMetadata(
    of id: ResourceID,
    _ change: (inout OrderedDictionary<String, String>) throws(ControlProblem) -> Void
  ) async throws(ControlProblem) -> OrderedDictionary<String, String> {
    for _ in 0..<16 {
      guard let record = catalog.read({ $0.record(id) }),
        case .instance(var instance) = record.resource
      else { throw .notFound(id) }
      try change(&instance.metadata)
      // Read again as a document, so that the manifest's rules hold here too.
      let resource: Resource
      do {
        resource = try Resource(reading: Resource.instance(instance).value)
      } catch {
        throw ControlProblem(error)
      }
      do {
        _ = try await commit([.put(resource, .revisions([record.revision]))])
        return instance.metadata
      } catch  where error.status == 412 {
        continue
      }
    }
    throw ControlProblem(
      status: 503, type: "busy", title: "The instance keeps changing",
      detail: "\(id) was changed by others each time; try again.")
  }
}

import ControlAPI
import Inventory
import MetadataService
import OrderedCollections

typealias MetadataMap = OrderedDictionary<String, String>

extension ResourceService {
  /// Changes an instance's parameters so that no other writer's change is lost: the new map is
  /// written only over the revision that it was made from, else it is made anew.
  ///
  /// - Parameter precondition: Where the caller names revisions, nothing is tried again.
  /// - Returns: The record after the change.
  func editMetadata(
    of id: InstanceID, precondition: Precondition, by request: ControlRequest,
    _ edit: (inout MetadataMap) throws(Problem) -> Void
  ) async throws(Problem) -> Record {
    let resourceID = ResourceID(kind: .instance, text: id.description)
    for _ in 0..<Limits.maximumWriteAttempts {
      let record = try record(resourceID, for: request.principal)
      guard var instance = record.resource.instance else { throw .missing(resourceID) }
      let isPinned: Bool
      if case .revisions(let revisions) = precondition {
        guard revisions.contains(record.revision) else {
          throw Problem(
            .preconditionFailed, "\(resourceID) has changed", revision: record.revision)
        }
        isPinned = true
      } else {
        isPinned = false
      }
      try edit(&instance.metadata)
      let resource = try document(Resource.instance(instance).value).resource
      do throws(Problem) {
        let result = try await commit(
          [.put(resource, .revisions([record.revision]))], by: request.context)
        return result.outcomes.first?.current ?? record
      } catch {
        guard error.kind == .preconditionFailed, !isPinned else { throw error }
        // The catalogue may not have what overtook us; the next attempt must start from it.
        if let current = error.revision { await service.catalog.wait(for: current) }
      }
    }
    throw Problem(.contention, "\(resourceID) is changed by others all the time; try again")
  }

  private func record(_ id: ResourceID) -> Record? {
    guard id.kind == .instance else { return service.catalog.read { $0.record(id) } }
    // An instance is taken apart where no guest waits for it.
    return InstanceID(id.text).flatMap { id in service.catalog.read { $0.view(of: id) } }?.record
  }

  /// A record as this daemon's guests see it. What is another project's does not exist for who asks.
  func record(_ id: ResourceID, for principal: Principal) throws(Problem) -> Record {
    guard let record = record(id), principal.sees(record.resource)
    else { throw .missing(id) }
    return record
  }
}

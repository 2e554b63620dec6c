public import ControlAPI
public import Inventory
public import MetadataService

/// The one way by which resources are written: whatever asks, the same checks, the same answers.
///
/// A write returns once the store has it on disk and this daemon's catalogue has reached it.
public struct ResourceService: Sendable {
  let service: MetadataService
  let store: any ControlStore
  let now: @Sendable () -> Int
  private let newID: @Sendable () -> InstanceID

  /// - Parameters:
  ///   - now: Seconds since 1970.
  ///   - newID: A fresh id for an instance that declares none.
  public init(
    service: MetadataService, store: any ControlStore, now: @escaping @Sendable () -> Int,
    newID: @escaping @Sendable () -> InstanceID
  ) {
    self.service = service
    self.store = store
    self.now = now
    self.newID = newID
  }

  /// Reads one document. An instance without an id is given one.
  /// - Parameter index: The document's place among others, for the problem.
  public func document(_ value: JSONValue, index: Int? = nil) throws(Problem) -> ApplyDocument {
    do {
      let resource = try Resource(reading: value, makeID: newID)
      let isNameless = resource.kind == .instance && value["id"] ?? .null == .null
      return ApplyDocument(resource: resource, madeID: isNameless)
    } catch {
      throw Problem(error, index: index)
    }
  }

  /// Creates or replaces all documents in one transaction, or none of them. Their order does not
  /// matter.
  /// - Returns: The outcomes in the documents' order.
  public func apply(_ documents: [ApplyDocument], by context: WriteContext, dryRun: Bool)
    async throws(Problem) -> CommitResult
  {
    guard documents.count <= Limits.maximumBatchDocuments else {
      throw Problem(
        .contentTooLarge, "at most \(Limits.maximumBatchDocuments) documents at a time")
    }
    if let scope = context.scope {
      // Before anything is looked up for a document: it might be another project's.
      for (index, document) in documents.enumerated() where document.resource.project != scope {
        throw Problem(
          StoreError.outOfScope(index: 0, document.resource.id, scope: scope), indices: [index])
      }
    }
    let resources = resolved(documents)
    try ResourceService.checkRepeats(resources)
    let order = resources.indices.sorted { left, right in
      (resources[left].kind.writeOrder, left) < (resources[right].kind.writeOrder, right)
    }
    var result = try await commit(
      order.map { .put(resources[$0]) }, by: context, indices: order, dryRun: dryRun)
    let outcomes = zip(order, result.outcomes).sorted { $0.0 < $1.0 }
    result.outcomes = outcomes.map(\.1)
    return result
  }

  /// Commits mutations and waits until this daemon's guests can see them.
  /// - Parameter indices: For each mutation, its document's place in the request.
  public func commit(
    _ mutations: [Mutation], by context: WriteContext, indices: [Int]? = nil,
    dryRun: Bool = false
  ) async throws(Problem) -> CommitResult {
    let result: CommitResult
    do {
      result = try await store.commit(mutations, by: context, now: now(), dryRun: dryRun)
    } catch {
      var problem = told(error, indices, context)
      problem.field = problem.field ?? ResourceService.field(of: error, in: mutations)
      throw problem
    }
    if dryRun { return result }
    guard await isVisible(result.revision) else {
      throw Problem(
        .notVisible,
        "it is on disk as revision \(result.revision), but this daemon has not read it back yet",
        revision: result.revision)
    }
    return result
  }

  // MARK: Steps

  /// A refusal in words that name nothing that the writer may not see.
  private func told(_ error: StoreError, _ indices: [Int]?, _ context: WriteContext) -> Problem {
    var problem = Problem(error, indices: indices)
    guard let scope = context.scope else { return problem }
    let isVisible = { (id: ResourceID) in
      service.catalog.read { $0.record(id)?.resource.isVisible(to: scope) ?? false }
    }
    switch error {
    case .claimed(_, let claim, let by, let holder) where holder != by && !isVisible(holder):
      problem.detail = "\(by) claims \(claim), which another project's resource has"
      problem.holder = nil
    case .stillReferenced(_, let id, let by) where !isVisible(by):
      problem.detail = "\(id) is still referred to by another project's resource"
      problem.holder = nil
    case .foreign(_, let id) where isVisible(id):
      // Nobody's, and so everybody's to see.
      problem.kind = .forbidden
      problem.detail =
        "\(id) belongs to no project; only who may write all projects may change it"
    default: break
    }
    return problem
  }

  /// The field of a refused document that is to blame.
  private static func field(of error: StoreError, in mutations: [Mutation]) -> String? {
    guard let index = error.mutationIndex, mutations.indices.contains(index),
      case .put(let resource, _) = mutations[index]
    else { return nil }
    switch error {
    case .claimed(_, let claim, _, _): return resource.field(claiming: claim)
    case .missingReference(_, _, let to): return resource.field(referringTo: to)
    default: return nil
    }
  }

  private func isVisible(_ revision: Revision) async -> Bool {
    let catalog = service.catalog
    if catalog.read({ $0.revision >= revision }) { return true }
    return await withTaskGroup(of: Bool.self) { group in
      group.addTask { await catalog.wait(for: revision) }
      group.addTask {
        try? await Task.sleep(for: .milliseconds(Limits.visibilityTimeoutMilliseconds))
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
  }

  /// Gives a document without an id the id of the instance that it describes, if there is one: the
  /// instance of the same project and host name that holds the document's first address.
  private func resolved(_ documents: [ApplyDocument]) -> [Resource] {
    documents.map { document in
      guard document.madeID, case .instance(var instance) = document.resource,
        let holder = self.holder(of: instance)
      else { return document.resource }
      instance.id = holder
      return .instance(instance)
    }
  }

  private func holder(of instance: Instance) -> InstanceID? {
    guard let interface = instance.interfaces.first(where: { !$0.addresses.isEmpty }),
      let address = interface.addresses.first?.ip
    else { return nil }
    let finding = service.catalog.read { $0.find(address, on: interface.network) }
    guard case .instance(let view) = finding, view.instance.project?.string == instance.project,
      view.instance.hostname.string == instance.hostname
    else { return nil }
    return view.id
  }

  /// Of two documents with one id, one would silently vanish.
  private static func checkRepeats(_ resources: [Resource]) throws(Problem) {
    var places: [ResourceID: Int] = [:]
    for (index, resource) in resources.enumerated() {
      if let first = places.updateValue(index, forKey: resource.id) {
        var problem = Problem(
          .invalid, "\(resource.id) is there twice, first as document \(first)", index: index,
          holder: resource.id.description)
        problem.firstIndex = first
        throw problem
      }
    }
  }
}

/// A resource to be written, and whether its id is its own.
public struct ApplyDocument: Sendable, Hashable {
  public var resource: Resource
  /// Whether the document had no id and the resource's was made for it.
  public var madeID: Bool

  public init(resource: Resource, madeID: Bool) {
    self.resource = resource
    self.madeID = madeID
  }
}

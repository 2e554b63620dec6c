import Inventory

// What a strict store in memory judges, as a real one does.
extension MemoryStore {
  static func judgeScope(_ mutations: [Mutation], _ scope: String?, _ state: State)
    throws(StoreError)
  {
    guard let scope else { return }
    for (index, mutation) in mutations.enumerated() {
      let id: ResourceID
      switch mutation {
      case .put(let resource, _): id = resource.id
      case .delete(let other, _): id = other
      case .setPassword(let instance, _), .clearPassword(let instance):
        id = ResourceID(kind: .instance, text: instance.description)
      }
      if case .put(let resource, _) = mutation, resource.project != scope {
        throw .outOfScope(index: index, id, scope: scope)
      }
      if let old = state.records[id], old.resource.project != scope {
        throw .foreign(index: index, id)
      }
      guard case .put(let resource, _) = mutation else { continue }
      for target in resource.references {
        if let found = state.records[target], !found.resource.isVisible(to: scope) {
          throw .missingReference(index: index, from: id, to: target)
        }
      }
    }
  }

  static func judge(_ mutations: [Mutation], _ state: State) throws(StoreError) {
    func index(of id: ResourceID) -> Int {
      mutations.firstIndex { mutation in
        switch mutation {
        case .put(let resource, _): resource.id == id
        case .delete(let other, _): other == id
        default: false
        }
      } ?? 0
    }
    var holders: [Claim: ResourceID] = [:]
    for record in state.records.values.sorted(by: { $0.revision < $1.revision }) {
      let id = record.resource.id
      for claim in record.resource.claims {
        if let holder = holders[claim] {
          throw .claimed(index: index(of: id), claim, by: id, holder: holder)
        }
        holders[claim] = id
      }
      for reference in record.resource.references where state.records[reference] == nil {
        for mutation in mutations {
          if case .delete(reference, _) = mutation {
            throw .stillReferenced(index: index(of: reference), reference, by: id)
          }
        }
        throw .missingReference(index: index(of: id), from: id, to: reference)
      }
    }
  }
}

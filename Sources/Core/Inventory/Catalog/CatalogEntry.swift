/// A record as the catalogue takes it in, prepared by whoever has it at hand: what takes time is done
/// before others have to wait for it.
public struct CatalogEntry: Sendable {
  enum Content {
    case instance(PackedInstance)
    case other(Record)
  }

  let content: Content
  /// The addresses that the instance can ask from.
  let identities: [(IPAddress, NetworkID)]
  let roles: [(IPAddress, AddressRole)]

  public init(_ record: Record) {
    roles = RoleIndex.roles(of: record.resource)
    guard case .instance(let instance) = record.resource else {
      content = .other(record)
      identities = []
      return
    }
    content = .instance(PackedInstance(record, of: instance))
    identities = instance.interfaces.identities
  }

  /// The record again.
  public var record: Record {
    switch content {
    case .instance(let packed): packed.record
    case .other(let record): record
    }
  }
}

/// One transaction's changes as the catalogue takes them.
public struct CatalogChanges: Sendable {
  enum Change {
    case put(CatalogEntry)
    case deleted(ResourceID)
    case password(InstanceID, Secret<[UInt8]>?)
  }

  public let revision: Revision
  let changes: [Change]

  public init(_ batch: ChangeBatch) {
    revision = batch.revision
    changes = batch.changes.map { change in
      switch change {
      case .put(let record): .put(CatalogEntry(record))
      case .deleted(let id, _): .deleted(id)
      case .password(let id, let password): .password(id, password)
      }
    }
  }

  /// The addresses that somebody may have now who had them not before.
  public var addresses: [IPAddress] {
    changes.flatMap { change -> [IPAddress] in
      guard case .put(let entry) = change else { return [] }
      return entry.identities.map(\.0)
    }
  }

  /// The instances that are changed, and those that are gone.
  public var instances: [InstanceID] {
    changes.compactMap { change in
      switch change {
      case .put(let entry):
        guard case .instance(let packed) = entry.content else { return nil }
        return packed.id
      case .deleted(let id): return id.kind == .instance ? InstanceID(id.text) : nil
      case .password(let id, _): return id
      }
    }
  }

  public var deletedInstances: [InstanceID] {
    changes.compactMap { change in
      guard case .deleted(let id) = change, id.kind == .instance else { return nil }
      return InstanceID(id.text)
    }
  }

  /// Whether something changes that instances refer to.
  public var concernsMany: Bool {
    changes.contains { change in
      switch change {
      case .put(let entry): if case .other = entry.content { true } else { false }
      case .deleted(let id): id.kind != .instance
      case .password: false
      }
    }
  }
}

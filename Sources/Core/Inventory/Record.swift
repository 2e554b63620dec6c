/// A count of the store's transactions; each that changed something has its own.
public typealias Revision = UInt64

/// A resource as the store keeps it.
public struct Record: Sendable, Hashable {
  public var resource: Resource
  /// The transaction that wrote it last. It is the resource's ETag.
  public var revision: Revision
  /// When it was first declared, in seconds since 1970.
  public var createdAtSeconds: Int
  /// For an instance, its EC2 id: the declared one, or the one that was chosen at its creation.
  public var ec2InstanceID: String?

  public init(
    resource: Resource, revision: Revision, createdAtSeconds: Int, ec2InstanceID: String? = nil
  ) {
    self.resource = resource
    self.revision = revision
    self.createdAtSeconds = createdAtSeconds
    self.ec2InstanceID = ec2InstanceID
  }
}

/// One thing that a transaction changed.
public enum Change: Sendable, Hashable {
  case put(Record)
  /// The project is the deleted resource's: who may see it deleted. A resource that moves to another
  /// project is deleted from the one and put into the other.
  case deleted(ResourceID, project: String?)
  /// The password that a guest posted; nil once the operator has cleared it.
  case password(InstanceID, Secret<[UInt8]>?)
}

/// All that one transaction changed.
public struct ChangeBatch: Sendable, Hashable {
  public var revision: Revision
  public var changes: [Change]

  public init(revision: Revision, changes: [Change]) {
    self.revision = revision
    self.changes = changes
  }
}

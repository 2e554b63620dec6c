public import Inventory

/// What an operation needs of who asks for it.
public struct OperationRule: Sendable, Hashable {
  public var role: Role
  public var reach: Reach
  /// Whether it changes something, so that a refused attempt is noted in the audit log.
  public var isWrite: Bool

  /// Whom an operation is open to.
  public enum Reach: Sendable, Hashable {
    /// Also to those who may see one project only: it shows and touches only what is theirs.
    case project
    /// To those who may see all projects.
    case all
  }
}

extension Operation {
  /// Whether it is answered from the records in memory, or waits until guests see a change there.
  public var needsCatalogue: Bool {
    switch self {
    case .listResources, .createResource, .getResource, .putResource, .deleteResource,
      .getMetadata, .putMetadata, .patchMetadata, .putMetadataItem, .deleteMetadataItem,
      .getPassword, .clearPassword, .look, .getReadiness, .getDrive, .apply, .watch, .getAddress,
      .listIMDSv1Users:
      true
    default: false
    }
  }

  /// The one table of who may do what.
  public var rule: OperationRule {
    switch self {
    case .getHealth, .getOpenAPI, .listResources, .getResource, .getMetadata, .getReadiness, .watch,
      .listIMDSv1Users:
      OperationRule(role: .reader, reach: .project, isWrite: false)
    case .getCounters, .getMetrics, .getTop, .listListeners, .listStrangers, .getProbe,
      .getAddress:
      OperationRule(role: .reader, reach: .all, isWrite: false)
    case .getPassword, .look:
      // What the guest is told, its user data among it.
      OperationRule(role: .operator, reach: .project, isWrite: false)
    case .createResource, .putResource, .deleteResource, .putMetadata, .patchMetadata,
      .putMetadataItem, .deleteMetadataItem, .clearPassword, .apply:
      OperationRule(role: .operator, reach: .project, isWrite: true)
    case .getDrive, .listAccess, .listAudit, .listBackups:
      // A drive has all of a record's secrets in one answer.
      OperationRule(role: .admin, reach: .all, isWrite: false)
    case .createAccess, .revokeAccess, .createBackup:
      OperationRule(role: .admin, reach: .all, isWrite: true)
    }
  }
}

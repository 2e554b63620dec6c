public import Inventory
import OrderedCollections

/// Who asks, and how far they may go.
public struct Principal: Sendable, Hashable {
  /// As the audit log names them.
  public var author: Author
  public var role: Role
  /// The only project whose resources they see and write; nil for all.
  public var project: String?

  public init(author: Author, role: Role, project: String? = nil) {
    self.author = author
    self.role = role
    self.project = project
  }

  /// A local user at the control socket, who may do everything.
  public static func localUser(_ uid: UInt32, process: Int32?) -> Principal {
    Principal(
      author: Author(.user, "\(uid)", peer: process.map { "process \($0)" }), role: .admin)
  }

  /// What a write by them is part of.
  public func context(_ operation: Operation) -> WriteContext {
    WriteContext(author, operation.rawValue, scope: project)
  }

  /// - Throws: A 403 where they may not ask for this at all.
  public func check(_ operation: Operation) throws(Problem) {
    let rule = operation.rule
    guard role >= rule.role else {
      throw Problem(
        .forbidden,
        "\(operation.rawValue) needs the role \(rule.role.rawValue); "
          + "yours is \(role.rawValue)")
    }
    guard project == nil || rule.reach == .project else {
      throw Problem(
        .forbidden, "\(operation.rawValue) is about all projects; you may see only one")
    }
  }

  // MARK: What is shown

  public func sees(_ resource: Resource) -> Bool { resource.isVisible(to: project) }

  /// A record as they may see it.
  public func shown(_ record: Record) -> JSONValue {
    guard role < .operator, let instance = record.resource.instance else { return record.form }
    var shown = record
    let (open, leftOut) = instance.withoutSecrets
    shown.resource = .instance(open)
    guard !leftOut.isEmpty, case .object(var members) = shown.form else { return shown.form }
    members["redacted"] = .array(leftOut.map(JSONValue.string))
    return .object(members)
  }
}

extension Instance {
  /// The instance without what only its guest and its operators may know, and the names of the
  /// fields that this has taken away.
  var withoutSecrets: (Instance, leftOut: [String]) {
    var instance = self
    var leftOut: [String] = []
    if instance.userData != nil { leftOut.append("userData") }
    instance.userData = nil
    if instance.vendorData != nil { leftOut.append("vendorData") }
    instance.vendorData = nil
    if instance.adminPassword != nil { leftOut.append("adminPassword") }
    instance.adminPassword = nil
    if !instance.files.isEmpty { leftOut.append("files") }
    instance.files = []
    return (instance, leftOut)
  }
}

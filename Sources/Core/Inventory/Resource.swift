/// The kinds of things that an operator declares.
public enum ResourceKind: String, Sendable, CaseIterable {
  case project = "Project"
  case network = "Network"
  case keyPair = "KeyPair"
  case instance = "Instance"

  /// The order in which a file's documents are written, so that what is referred to comes first.
  public var writeOrder: Int {
    switch self {
    case .project: 0
    case .network: 1
    case .keyPair: 2
    case .instance: 3
    }
  }
}

/// What identifies a resource: its kind and, within it, its id in text.
public struct ResourceID: Hashable, Sendable, CustomStringConvertible {
  public let kind: ResourceKind
  public let text: String

  public init(kind: ResourceKind, text: String) {
    self.kind = kind
    self.text = text
  }

  /// The kind and the id, as error texts name a resource: `Instance 6f2c9a31-…`.
  public var description: String { "\(kind.rawValue) \(text)" }
}

/// Anything that an operator declares.
public enum Resource: Sendable, Hashable {
  case project(Project)
  case network(Network)
  case keyPair(KeyPair)
  case instance(Instance)

  /// Reads one document of a manifest, its `kind` included. `makeID` gives the id of an instance
  /// that declares none; without it, an id is required.
  public init(reading value: JSONValue, makeID: (() -> InstanceID)? = nil) throws(FieldError) {
    guard value.object != nil else {
      throw FieldError(path: "", message: "a document must be a map, not \(value.typeName)")
    }
    let kinds = ResourceKind.allCases.map(\.rawValue).joined(separator: ", ")
    guard let word = value["kind"]?.string else {
      throw FieldError(path: "kind", message: "is required: \(kinds)")
    }
    switch ResourceKind(rawValue: word) {
    case .project: self = .project(try Project(reading: value, path: ""))
    case .network: self = .network(try Network(reading: value, path: ""))
    case .keyPair: self = .keyPair(try KeyPair(reading: value, path: ""))
    case .instance: self = .instance(try Instance(reading: value, path: "", makeID: makeID))
    case nil: throw FieldError(path: "kind", message: "'\(word)' is not one of \(kinds)")
    }
  }

  /// The canonical document; reading it gives the same resource.
  public var value: JSONValue {
    switch self {
    case .project(let project): project.value
    case .network(let network): network.value
    case .keyPair(let keyPair): keyPair.value
    case .instance(let instance): instance.value
    }
  }

  public var kind: ResourceKind { id.kind }

  public var id: ResourceID {
    switch self {
    case .project(let project): ResourceID(kind: .project, text: project.id)
    case .network(let network): ResourceID(kind: .network, text: network.id.text)
    case .keyPair(let keyPair): ResourceID(kind: .keyPair, text: keyPair.id.description)
    case .instance(let instance): ResourceID(kind: .instance, text: instance.id.description)
    }
  }

  /// The project that it belongs to, or that it is.
  public var project: String? {
    switch self {
    case .project(let project): project.id
    case .network(let network): network.project
    case .keyPair(let keyPair): keyPair.project
    case .instance(let instance): instance.project
    }
  }

  /// Whether somebody sees it who may see one project only: the project's own, and networks that
  /// are nobody's and so everybody's.
  /// - Parameter scope: The project; nil for whoever may see all.
  public func isVisible(to scope: String?) -> Bool {
    guard let scope else { return true }
    return project == scope || (kind == .network && project == nil)
  }

  public var name: String? {
    switch self {
    case .project: nil
    case .network(let network): network.name
    case .keyPair(let keyPair): keyPair.name
    case .instance(let instance): instance.name
    }
  }

  /// The resource as an instance, if it is one.
  public var instance: Instance? {
    if case .instance(let instance) = self { instance } else { nil }
  }
}

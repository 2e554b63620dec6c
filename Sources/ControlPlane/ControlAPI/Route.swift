public import Inventory

/// Everything that can be asked of the control API. The name is the OpenAPI `operationId`.
public enum Operation: String, Sendable, CaseIterable {
  case getHealth, getCounters, getOpenAPI
  case getMetrics, getTop
  case listResources, createResource, getResource, putResource, deleteResource
  case getMetadata, putMetadata, patchMetadata, putMetadataItem, deleteMetadataItem
  case getPassword, clearPassword
  case look
  case getReadiness
  case getDrive
  case apply
  case watch
  case listListeners, listStrangers, getProbe, getAddress, listIMDSv1Users
  case listAccess, createAccess, revokeAccess, listAudit
  case listBackups, createBackup
}

/// A method and a path, and what they mean.
public struct Route: Sendable, Hashable {
  public var method: String
  /// The path's segments; those in braces take any one segment.
  public var segments: [String]
  public var operation: Operation
  /// The kind of resource that the path is about, where it is about one.
  public var kind: ResourceKind?

  /// The path as OpenAPI writes it, such as `/v1/instances/{id}`.
  public var path: String { "/" + segments.joined(separator: "/") }

  /// - Parameter path: Below `/v1`, or from the root where it starts with a slash.
  init(_ method: String, _ path: String, _ operation: Operation, _ kind: ResourceKind? = nil) {
    self.method = method
    segments = (path.hasPrefix("/") ? [] : ["v1"]) + path.split(separator: "/").map(String.init)
    self.operation = operation
    self.kind = kind
  }

  /// The values of the segments in braces, by name; nil where the path is another one.
  func parameters(in path: [String]) -> [String: String]? {
    guard path.count == segments.count else { return nil }
    var parameters: [String: String] = [:]
    for (pattern, segment) in zip(segments, path) {
      if pattern.hasPrefix("{") {
        guard !segment.isEmpty else { return nil }
        parameters[String(pattern.dropFirst().dropLast())] = segment
      } else if pattern != segment {
        return nil
      }
    }
    return parameters
  }
}

extension ResourceKind {
  /// The kind in a path: `projects`, `networks`, `keypairs`, `instances`.
  public var collection: String {
    switch self {
    case .project: "projects"
    case .network: "networks"
    case .keyPair: "keypairs"
    case .instance: "instances"
    }
  }

  /// The kind that a collection or a document calls so, in either case and number; nil for others.
  public init?(collection text: String) {
    let text = text.lowercased()
    let kind = ResourceKind.allCases.first { kind in
      [kind.collection, String(kind.collection.dropLast())].contains(text)
    }
    guard let kind else { return nil }
    self = kind
  }
}

/// All routes, and the way from a request to one of them.
public enum RouteTable {
  public static let all: [Route] =
    [
      Route("GET", "health", .getHealth),
      Route("GET", "counters", .getCounters),
      Route("GET", "openapi.json", .getOpenAPI),
      // Where every Prometheus looks.
      Route("GET", "/metrics", .getMetrics),
      Route("GET", "top", .getTop),
      Route("POST", "apply", .apply),
      Route("GET", "watch", .watch),
      Route("GET", "listeners", .listListeners),
      Route("GET", "strangers", .listStrangers),
      Route("GET", "probes/{nonce}", .getProbe),
      Route("GET", "addresses/{address}", .getAddress),
      Route("GET", "imds-v1-users", .listIMDSv1Users),
      Route("GET", "access", .listAccess),
      Route("POST", "access", .createAccess),
      Route("DELETE", "access/{name}", .revokeAccess),
      Route("GET", "audit", .listAudit),
      Route("GET", "backups", .listBackups),
      Route("POST", "backups", .createBackup),
    ]
    + ResourceKind.allCases.flatMap { kind in
      [
        Route("GET", kind.collection, .listResources, kind),
        Route("POST", kind.collection, .createResource, kind),
        Route("GET", "\(kind.collection)/{id}", .getResource, kind),
        Route("PUT", "\(kind.collection)/{id}", .putResource, kind),
        Route("DELETE", "\(kind.collection)/{id}", .deleteResource, kind),
      ]
    } + [
      Route("GET", "instances/{id}/metadata", .getMetadata, .instance),
      Route("PUT", "instances/{id}/metadata", .putMetadata, .instance),
      Route("PATCH", "instances/{id}/metadata", .patchMetadata, .instance),
      Route("PUT", "instances/{id}/metadata/{key}", .putMetadataItem, .instance),
      Route("DELETE", "instances/{id}/metadata/{key}", .deleteMetadataItem, .instance),
      Route("GET", "instances/{id}/password", .getPassword, .instance),
      Route("DELETE", "instances/{id}/password", .clearPassword, .instance),
      Route("GET", "instances/{id}/look", .look, .instance),
      Route("GET", "instances/{id}/readiness", .getReadiness, .instance),
      Route("GET", "instances/{id}/drive", .getDrive, .instance),
    ]

  /// What a request asks for.
  /// - Parameter path: The path as it came, without the query.
  /// - Throws: 404 for an unknown path, 405 for a method that it does not take, 400 for a path
  ///   that cannot be decoded.
  public static func match(method: String, path: String) throws(Problem)
    -> (route: Route, parameters: [String: String])
  {
    var segments: [String] = []
    for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      guard let segment = PercentCoding.decode(part) else {
        throw Problem(.badRequest, "the path is not percent-encoded UTF-8")
      }
      segments.append(segment)
    }
    let matching = all.compactMap { route in
      route.parameters(in: segments).map { (route: route, parameters: $0) }
    }
    guard !matching.isEmpty || segments.first == "v1" else {
      throw Problem(.notFound, "there is nothing at this path; the API starts at /v1/")
    }
    guard !matching.isEmpty else {
      throw Problem(.notFound, "there is nothing at this path; /v1/openapi.json says what is where")
    }
    guard let match = matching.first(where: { $0.route.method == method }) else {
      var problem = Problem(.methodNotAllowed, "")
      problem.allow = matching.map(\.route.method)
      problem.detail = "the path takes \(problem.allow.joined(separator: ", "))"
      throw problem
    }
    return match
  }
}

/// Paths for those who ask.
public enum ControlPath {
  public static func collection(_ kind: ResourceKind) -> String { "/v1/\(kind.collection)" }

  public static func resource(_ id: ResourceID) -> String {
    "\(collection(id.kind))/\(PercentCoding.encode(id.text))"
  }

  public static func metadata(_ id: InstanceID) -> String {
    "\(collection(.instance))/\(id)/metadata"
  }

  public static func metadata(_ id: InstanceID, key: String) -> String {
    "\(metadata(id))/\(PercentCoding.encode(key))"
  }

  public static func password(_ id: InstanceID) -> String {
    "\(collection(.instance))/\(id)/password"
  }

  public static func look(_ id: InstanceID) -> String { "\(collection(.instance))/\(id)/look" }

  public static func drive(_ id: InstanceID) -> String {
    "\(collection(.instance))/\(id)/drive"
  }

  public static func readiness(_ id: InstanceID) -> String {
    "\(collection(.instance))/\(id)/readiness"
  }
}

public import Inventory

/// Everything that the control API does: the one table that the server routes by, the client asks
/// by, and the OpenAPI document is made from.
public enum Operation: String, CaseIterable, Sendable {
  case health
  case counters
  case openapi
  case listResources
  case createResource
  case getResource
  case putResource
  case deleteResource
  case getMetadata
  case replaceMetadata
  case mergeMetadata
  case deleteMetadataItem
  case getPassword
  case clearPassword
  case look
  case apply
  case watch

  /// The HTTP method.
  public var method: String {
    switch self {
    case .health, .counters, .openapi, .listResources, .getResource, .getMetadata, .getPassword,
      .look, .watch:
      "GET"
    case .createResource, .apply: "POST"
    case .putResource, .replaceMetadata: "PUT"
    case .mergeMetadata: "PATCH"
    case .deleteResource, .deleteMetadataItem, .clearPassword: "DELETE"
    }
  }

  /// The path's template; `{kind}` is networks, keypairs or instances.
  public var path: String {
    switch self {
    case .health: "/v1/health"
    case .counters: "/v1/counters"
    case .openapi: "/v1/openapi.json"
    case .listResources, .createResource: "/v1/{kind}"
    case .getResource, .putResource, .deleteResource: "/v1/{kind}/{id}"
    case .getMetadata, .replaceMetadata, .mergeMetadata: "/v1/instances/{id}/metadata"
    case .deleteMetadataItem: "/v1/instances/{id}/metadata/{key}"
    case .getPassword, .clearPassword: "/v1/instances/{id}/password"
    case .look: "/v1/instances/{id}/look"
    case .apply: "/v1/apply"
    case .watch: "/v1/watch"
    }
  }

  /// What it does, in a sentence.
  public var summary: String {
    switch self {
    case .health: "Whether the daemon is ready, and how far its catalogue has come."
    case .counters: "Requests and refusals since the start, by name."
    case .openapi: "This document."
    case .listResources: "The resources of a kind, in pages sorted by id."
    case .createResource: "Declares a resource that must not exist yet."
    case .getResource: "A resource."
    case .putResource: "Declares or replaces a resource."
    case .deleteResource: "Withdraws a resource that nothing refers to."
    case .getMetadata: "The user's own parameters of an instance."
    case .replaceMetadata: "Replaces all of them."
    case .mergeMetadata: "Adds to them, or changes some."
    case .deleteMetadataItem: "Removes one of them."
    case .getPassword: "What the guest has posted as its password."
    case .clearPassword: "Forgets it, so that the guest may post another."
    case .look: "What the guest would be answered, or with tree=true all that it could ask."
    case .apply: "Declares or replaces any number of resources in one transaction."
    case .watch: "Changes as they happen, as server-sent events."
    }
  }

  /// Query parameters and what they mean.
  public var query: [(name: String, meaning: String)] {
    switch self {
    case .listResources:
      [
        ("limit", "At most so many, 1 to \(Limits.maximumPageSize)."),
        ("marker", "Go on after this id; the answer's `next` says which."),
        ("project", "Only those of this project."), ("name", "Only those of this name."),
        ("hostname", "Only instances of this host name."),
        ("host", "Only instances on this compute host."),
        ("network", "Only instances on this network."),
        ("address", "Only instances with this address."),
      ]
    case .look: [("path", "What to ask for."), ("tree", "true for everything under the path.")]
    case .apply: [("dryRun", "true to judge all and change nothing.")]
    case .watch:
      [("since", "The revision after which to start."), ("kind", "Only this kind.")]
    default: []
    }
  }

  /// The operation for a method and a path's segments, with the values of the template's names.
  /// - Throws: ``ControlProblem`` for an unknown path or a method that it does not take.
  public static func match(method: String, segments: [String]) throws(ControlProblem)
    -> (Operation, [String: String])
  {
    var allowed: [String] = []
    for operation in allCases {
      guard let values = operation.values(in: segments) else { continue }
      if operation.method == method { return (operation, values) }
      allowed.append(operation.method)
    }
    guard allowed.isEmpty else {
      throw ControlProblem(
        status: 405, type: "method-not-allowed", title: "The path does not take this method",
        detail: "It takes \(allowed.joined(separator: ", ")).")
    }
    throw ControlProblem(
      status: 404, type: "no-such-path", title: "There is nothing at this path",
      detail: "GET /v1/openapi.json lists what there is.")
  }

  private func values(in segments: [String]) -> [String: String]? {
    let template = path.split(separator: "/")
    guard template.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (part, segment) in zip(template, segments) {
      if part.hasPrefix("{") {
        let name = String(part.dropFirst().dropLast())
        if name == "kind" && ResourceKind(pathName: segment) == nil { return nil }
        values[name] = segment
      } else if part != segment {
        return nil
      }
    }
    return values
  }
}

extension ResourceKind {
  /// The kind's name in paths: networks, keypairs, instances.
  public var pathName: String {
    switch self {
    case .network: "networks"
    case .keyPair: "keypairs"
    case .instance: "instances"
    }
  }

  public init?(pathName: String) {
    guard let kind = ResourceKind.allCases.first(where: { $0.pathName == pathName }) else {
      return nil
    }
    self = kind
  }
}

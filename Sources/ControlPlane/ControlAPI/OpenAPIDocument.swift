public import Inventory
import OrderedCollections

/// The OpenAPI 3.1 document, made from ``Operation``, so that it cannot say otherwise than the
/// server does.
public enum OpenAPIDocument {
  public static func render(version: String) -> JSONValue {
    var paths: OrderedDictionary<String, JSONValue> = [:]
    for operation in Operation.allCases {
      var methods = paths[operation.path]?.object ?? [:]
      methods[operation.method.lowercased()] = describe(operation)
      paths[operation.path] = .object(methods)
    }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Nameplate control API", "version": .string(version),
        "description": "Served on a Unix socket to operators; never to guests.",
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "paths": .object(paths),
      "components": ["schemas": schemas],
    ]
  }

  private static func describe(_ operation: Operation) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [
      "operationId": .string(operation.rawValue), "summary": .string(operation.summary),
    ]
    let inPath = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
      parameter(String($0.dropFirst().dropLast()), in: "path", meaning: nil)
    }
    let inQuery = operation.query.map { parameter($0.name, in: "query", meaning: $0.meaning) }
    if !(inPath + inQuery).isEmpty { members["parameters"] = .array(inPath + inQuery) }
    if let (type, schema) = requestBody(operation) {
      members["requestBody"] = ["required": true, "content": content(type, schema)]
    }
    let (status, type, schema) = response(operation)
    members["responses"] = .object([
      status: schema.map { ["description": "Done.", "content": content(type, $0)] }
        ?? ["description": "Done."],
      "default": [
        "description": "Why it was not done.",
        "content": content(ControlProblem.contentType, reference("Problem")),
      ],
    ])
    return .object(members)
  }

  private static func parameter(_ name: String, in place: String, meaning: String?) -> JSONValue {
    var schema: JSONValue = ["type": "string"]
    if name == "kind" && place == "path" {
      schema = ["enum": .array(ResourceKind.allCases.map { .string($0.pathName) })]
    }
    var members: OrderedDictionary<String, JSONValue> = [
      "name": .string(name), "in": .string(place), "required": .bool(place == "path"),
      "schema": schema,
    ]
    if let meaning { members["description"] = .string(meaning) }
    return .object(members)
  }

  private static func requestBody(_ operation: Operation) -> (String, JSONValue)? {
    switch operation {
    case .createResource, .putResource: ("application/json", reference("Document"))
    case .replaceMetadata, .mergeMetadata: ("application/json", reference("Metadata"))
    case .apply: ("application/x-ndjson", reference("Document"))
    default: nil
    }
  }

  private static func response(_ operation: Operation) -> (String, String, JSONValue?) {
    switch operation {
    case .health: ("200", "application/json", reference("Health"))
    case .counters: ("200", "application/json", reference("Counters"))
    case .openapi: ("200", "application/json", ["type": "object"])
    case .listResources: ("200", "application/json", reference("Page"))
    case .createResource: ("201", "application/json", reference("Record"))
    case .getResource, .putResource: ("200", "application/json", reference("Record"))
    case .getMetadata, .replaceMetadata, .mergeMetadata, .deleteMetadataItem:
      ("200", "application/json", reference("Metadata"))
    case .getPassword: ("200", "application/octet-stream", ["type": "string"])
    case .look: ("200", "*/*", ["type": "string"])
    case .apply: ("200", "application/x-ndjson", reference("ApplyLine"))
    case .watch: ("200", "text/event-stream", ["type": "string"])
    case .deleteResource, .clearPassword: ("204", "", nil)
    }
  }

  private static func content(_ type: String, _ schema: JSONValue) -> JSONValue {
    .object([type: ["schema": schema]])
  }

  private static func reference(_ schema: String) -> JSONValue {
    ["$ref": .string("#/components/schemas/\(schema)")]
  }

  private static func object(required: [String], _ properties: JSONValue) -> JSONValue {
    [
      "type": "object", "required": .array(required.map(JSONValue.string)),
      "properties": properties,
    ]
  }

  private static let text: JSONValue = ["type": "string"]
  private static let number: JSONValue = ["type": "integer"]

  private static let schemas: JSONValue = [
    "Document": object(
      required: ["kind"],
      ["kind": ["enum": .array(ResourceKind.allCases.map { .string($0.rawValue) })]]),
    "Record": object(
      required: ["document", "revision", "createdAt"],
      [
        "document": reference("Document"), "revision": number, "createdAt": text,
        "ec2InstanceId": text,
      ]),
    "Page": object(
      required: ["items", "revision"],
      [
        "items": ["type": "array", "items": reference("Record")], "next": text,
        "revision": number,
      ]),
    "Metadata": ["type": "object", "additionalProperties": text],
    "Counters": ["type": "object", "additionalProperties": number],
    "Health": object(
      required: ["ready", "revision", "version"],
      [
        "ready": ["type": "boolean"], "revision": number, "version": text, "networks": number,
        "keypairs": number, "instances": number,
      ]),
    "ApplyLine": [
      "oneOf": [
        object(required: ["progress"], ["progress": object(required: ["read"], ["read": number])]),
        object(required: ["result"], ["result": ["type": "object"]]),
        object(required: ["problem"], ["problem": reference("Problem")]),
      ]
    ],
    "Problem": object(
      required: ["type", "title", "status"],
      [
        "type": text, "title": text, "status": number, "detail": text, "field": text,
        "index": number, "holder": text,
      ]),
  ]
}

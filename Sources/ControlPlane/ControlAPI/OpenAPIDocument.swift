public import Inventory

/// The OpenAPI 3.1 document that tells clients of the API.
public enum OpenAPIDocument {
  /// The document as JSON text, as it is served at `/v1/openapi.json`.
  public static let text: String = """
    {
    "openapi": "3.1.0",
    "info": {
      "title": "Nameplate control API",
      "version": "1",
      "description": "\(about)"
    },
    "security": [{"token": []}, {"certificate": []}, {}],
    "paths": {\(paths.replacing(anyProblem, with: "\(refusals) \(anyProblem)"))},
    "components": {\(securitySchemes), \(components)}
    }
    """

  /// The document, read.
  public static func value() throws(JSONSyntaxError) -> JSONValue { try JSONValue(parsing: text) }

  private static let about =
    "Operators declare projects, networks, key pairs and instances here. It is served on a Unix socket, to "
    + "root, to the daemon's own user and to those users that its configuration names, and, where "
    + "it is configured, on the network behind TLS 1.3, to who has a token or a client certificate. "
    + "A write is answered once it is on disk and visible to guests of this daemon."

  /// What every operation can be answered with.
  private static let anyProblem = ##""default": {"$ref": "#/components/responses/Problem"}"##

  private static let refusals = ##"""
    "401": {"$ref": "#/components/responses/Unauthorized"},
    "403": {"$ref": "#/components/responses/Forbidden"},
    "429": {"$ref": "#/components/responses/TooManyRequests"},
    """##

  private static let securitySchemes = ##"""
    "securitySchemes": {
      "token": {"type": "http", "scheme": "bearer", "bearerFormat": "npt_",
        "description": "On the network: what `nameplate access create` printed"},
      "certificate": {"type": "mutualTLS",
        "description": "On the network: a client certificate with a name that has access"}}
    """##

  private static var paths: String {
    let collections = ResourceKind.allCases.map(collectionPaths)
    return ([servicePaths, roadPaths, accessPaths, backupPaths] + collections + [instancePaths])
      .joined(separator: ",\n")
  }

  /// All kinds have the same paths; only their filters and documents differ.
  private static func collectionPaths(_ kind: ResourceKind) -> String {
    let filters = ListQuery.parameters(of: kind)
      .map { ##"{"$ref": "#/components/parameters/\##($0)"}"## }
      .joined(separator: ", ")
    let schema = ##"{"$ref": "#/components/schemas/\##(kind.rawValue)"}"##
    return
      collectionTemplate
      .replacing("KIND", with: kind.rawValue)
      .replacing("COLLECTION", with: kind.collection)
      .replacing("FILTERS", with: filters)
      .replacing("SCHEMA", with: schema)
  }

  private static let collectionTemplate = #"""
    "/v1/COLLECTION": {
      "get": {
        "operationId": "listResourcesKIND", "summary": "A page of records, by id",
        "parameters": [FILTERS],
        "responses": {
          "200": {"description": "The page", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/RecordPage"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "post": {
        "operationId": "createResourceKIND",
        "summary": "Declares a resource; an instance without an id is given one",
        "requestBody": {"required": true, "content": {"application/json": {"schema": SCHEMA}}},
        "responses": {
          "201": {"$ref": "#/components/responses/Record"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/COLLECTION/{id}": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "getResourceKIND", "summary": "One record",
        "parameters": [{"$ref": "#/components/parameters/ifNoneMatch"}],
        "responses": {
          "200": {"$ref": "#/components/responses/Record"},
          "304": {"description": "The reader has this revision already"},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "put": {
        "operationId": "putResourceKIND", "summary": "Creates or replaces a resource",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"},
          {"$ref": "#/components/parameters/ifNoneMatch"}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": SCHEMA}}},
        "responses": {
          "200": {"$ref": "#/components/responses/Record"},
          "201": {"$ref": "#/components/responses/Record"},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "delete": {
        "operationId": "deleteResourceKIND", "summary": "Deletes a resource",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"}],
        "responses": {
          "204": {"description": "Deleted"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    }
    """#
}

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
    "paths": {\(paths)},
    "components": {\(components)}
    }
    """

  /// The document, read.
  public static func value() throws(JSONSyntaxError) -> JSONValue { try JSONValue(parsing: text) }

  private static let about =
    "Operators declare projects, networks, key pairs and instances here. It is served on a Unix socket, to "
    + "root, to the daemon's own user and to those users that its configuration names. A write is "
    + "answered once it is on disk and visible to guests of this daemon."

  private static var paths: String {
    let collections = ResourceKind.allCases.map(collectionPaths)
    return ([servicePaths, roadPaths] + collections + [instancePaths]).joined(separator: ",\n")
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

extension OpenAPIDocument {
  static let accessPaths = #"""
    "/v1/access": {
      "get": {
        "operationId": "listAccess", "summary": "Who may ask over the network",
        "responses": {
          "200": {"description": "All, by name", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/AccessList"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "post": {
        "operationId": "createAccess", "summary": "Gives access by a token or a certificate",
        "requestBody": {"required": true, "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/AccessRequest"}}}},
        "responses": {
          "201": {"description": "The access; its token is shown this once", "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Access"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/access/{name}": {
      "delete": {
        "operationId": "revokeAccess", "summary": "Takes access away, at once",
        "parameters": [{"name": "name", "in": "path", "required": true,
          "schema": {"type": "string"}}],
        "responses": {
          "204": {"description": "Revoked"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/audit": {
      "get": {
        "operationId": "listAudit", "summary": "Who changed what",
        "parameters": [
          {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0},
           "description": "Lines after this position, the oldest first; left out, the newest"},
          {"$ref": "#/components/parameters/limit"},
          {"name": "resource", "in": "query", "schema": {"type": "string"},
           "description": "Only what happened to this: instances/ID, access/NAME"}],
        "responses": {
          "200": {"description": "Lines in their order", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Audit"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    }
    """#

  static let accessSchemas = #"""
      "AccessRequest": {"type": "object", "required": ["name", "role"],
        "additionalProperties": false,
        "properties": {"name": {"type": "string", "maxLength": 64},
          "role": {"enum": ["reader", "operator", "admin"]}, "project": {"type": "string"},
          "certificateSubject": {"type": "string"}, "expiresInSeconds": {"type": "integer"}}},
      "Access": {"type": "object", "required": ["name", "role", "proof", "createdAt"],
        "additionalProperties": false,
        "properties": {"name": {"type": "string"},
          "role": {"enum": ["reader", "operator", "admin"]}, "project": {"type": "string"},
          "proof": {"enum": ["token", "certificate"]},
          "certificateSubject": {"type": "string"}, "createdAt": {"type": "string"},
          "expiresAt": {"type": "string"}, "lastUsed": {"type": "string"},
          "token": {"type": "string"}}},
      "AccessList": {"type": "object", "required": ["items"], "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Access"}}}},
      "Audit": {"type": "object", "required": ["items"], "properties": {
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/AuditEntry"}}}},
      "AuditEntry": {"type": "object", "additionalProperties": false,
        "required": ["position", "at", "by", "name", "operation", "outcome"],
        "properties": {"position": {"type": "integer"}, "at": {"type": "string"},
          "by": {"enum": ["user", "token", "certificate", "guest", "daemon"]},
          "name": {"type": "string"}, "peer": {"type": "string"},
          "operation": {"type": "string"}, "kind": {"type": "string"}, "id": {"type": "string"},
          "outcome": {"type": "string"}, "before": {"type": "integer"},
          "after": {"type": "integer"}}}
    """#
}

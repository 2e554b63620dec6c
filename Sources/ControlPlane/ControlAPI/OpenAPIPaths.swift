extension OpenAPIDocument {
  static let servicePaths = #"""
    "/v1/health": {"get": {
      "operationId": "getHealth", "summary": "Whether guests are answered, and how much is known",
      "responses": {
        "200": {"description": "Ready", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Health"}}}},
        "503": {"description": "Not ready yet", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Health"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/counters": {"get": {
      "operationId": "getCounters", "summary": "How often each thing happened since the start",
      "responses": {
        "200": {"description": "Counts by name", "content": {"application/json": {
          "schema": {"type": "object", "additionalProperties": {"type": "integer"}}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/metrics": {"get": {
      "operationId": "getMetrics", "summary": "All metrics, in Prometheus' text form",
      "responses": {
        "200": {"description": "Version 0.0.4 of the form", "content": {"text/plain": {
          "schema": {"type": "string"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/top": {"get": {
      "operationId": "getTop", "summary": "What guests ask and how fast they are answered",
      "description": "Counts since the daemon's start: two answers tell of the time between them.",
      "responses": {
        "200": {"description": "The counts at this moment", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Load"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/openapi.json": {"get": {
      "operationId": "getOpenAPI", "summary": "This document",
      "responses": {
        "200": {"description": "OpenAPI 3.1", "content": {"application/json": {
          "schema": {"type": "object"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/apply": {"post": {
      "operationId": "apply",
      "summary": "Creates or replaces any number of resources in one transaction",
      "description": "One document a line, in any order. The \#
      answer streams lines of progress; its last line is the result or a problem, \#
      and with a problem nothing was written.",
      "parameters": [{"name": "dryRun", "in": "query", "schema": {"type": "boolean"},
        "description": "Judge all, write nothing, and show each document before and after"}],
      "requestBody": {"required": true, "content": {"application/x-ndjson": {
        "schema": {"$ref": "#/components/schemas/Document"}}}},
      "responses": {
        "200": {"description": "Lines of progress and the outcome", "content": {
          "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/ApplyLine"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/watch": {"get": {
      "operationId": "watch", "summary": "Changes as they happen, as server-sent events",
      "description": "Events are put, deleted, password-set and password-cleared; the \#
      last event of a transaction has its revision as id. An event \#
      named problem ends the stream.",
      "parameters": [
        {"name": "since", "in": "query", "schema": {"type": "integer", "minimum": 0},
         "description": "The revision after which to start; left out, from now on"},
        {"name": "kind", "in": "query", "schema": {"type": "string"},
         "description": "Only this kind: projects, networks, keypairs or instances"},
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer"},
         "description": "As since, and over it"}],
      "responses": {
        "200": {"description": "The stream", "content": {"text/event-stream": {
          "schema": {"type": "string"}}}},
        "410": {"$ref": "#/components/responses/Problem"},
        "default": {"$ref": "#/components/responses/Problem"}}
    }}
    """#

  static let roadPaths = #"""
    "/v1/listeners": {"get": {
      "operationId": "listListeners", "summary": "Where guests are listened to",
      "responses": {
        "200": {"description": "All listeners, open or not", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Listeners"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/strangers": {"get": {
      "operationId": "listStrangers",
      "summary": "Addresses that requests came from which their instance did not send, or that are no instance's, the latest first",
      "responses": {
        "200": {"description": "The last 256", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Strangers"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/imds-v1-users": {"get": {
      "operationId": "listIMDSv1Users",
      "summary": "Instances that were answered without a session token, the latest first",
      "description": "What requiring tokens (metadataOptions.httpTokens) would have refused, \#
      counted by this daemon since its start.",
      "parameters": [{"$ref": "#/components/parameters/project"}],
      "responses": {
        "200": {"description": "The instances", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/IMDSv1Users"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/probes/{nonce}": {"get": {
      "operationId": "getProbe",
      "summary": "What was seen of a probe that a guest sent to /nameplate/probe/NONCE",
      "parameters": [{"name": "nonce", "in": "path", "required": true,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}],
      "responses": {
        "200": {"description": "Where it came from", "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Probe"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }},
    "/v1/addresses/{address}": {"get": {
      "operationId": "getAddress", "summary": "Whose an address is",
      "parameters": [
        {"name": "address", "in": "path", "required": true, "schema": {"type": "string"}},
        {"$ref": "#/components/parameters/network"}],
      "responses": {
        "200": {"description": "Its holders, and what else it is known as",
          "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/AddressOwner"}}}},
        "default": {"$ref": "#/components/responses/Problem"}}
    }}
    """#

  static let backupPaths = #"""
    "/v1/backups": {
      "get": {
        "operationId": "listBackups", "summary": "The copies of the store that are kept beside it",
        "responses": {
          "200": {"description": "The newest first", "content": {"application/json": {
            "schema": {"type": "object", "required": ["items"], "properties": {
              "items": {"type": "array", "items": {"$ref": "#/components/schemas/Backup"}}}}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "post": {
        "operationId": "createBackup", "summary": "Makes one; it is on disk and checked when this answers",
        "responses": {
          "201": {"description": "The new one", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Backup"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    }
    """#

  static let instancePaths = #"""
    "/v1/instances/{id}/metadata": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "getMetadata", "summary": "The instance's own parameters",
        "responses": {
          "200": {"$ref": "#/components/responses/Metadata"},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "put": {
        "operationId": "putMetadata", "summary": "Replaces all parameters",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"}],
        "requestBody": {"required": true, "content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Metadata"}}}},
        "responses": {
          "200": {"$ref": "#/components/responses/Metadata"},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "patch": {
        "operationId": "patchMetadata", "summary": "Sets some parameters; null takes one away",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"}],
        "requestBody": {"required": true, "content": {"application/merge-patch+json": {
          "schema": {"type": "object", "additionalProperties": {"type": ["string", "null"]}}}}},
        "responses": {
          "200": {"$ref": "#/components/responses/Metadata"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/instances/{id}/metadata/{key}": {
      "parameters": [{"$ref": "#/components/parameters/id"},
        {"$ref": "#/components/parameters/key"}],
      "put": {
        "operationId": "putMetadataItem", "summary": "Sets one parameter",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"}],
        "requestBody": {"required": true, "content": {"application/json": {
          "schema": {"type": "string", "maxLength": 255}}}},
        "responses": {
          "200": {"$ref": "#/components/responses/Metadata"},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "delete": {
        "operationId": "deleteMetadataItem", "summary": "Takes one parameter away",
        "parameters": [{"$ref": "#/components/parameters/ifMatch"}],
        "responses": {
          "200": {"$ref": "#/components/responses/Metadata"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/instances/{id}/password": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "getPassword", "summary": "What the guest posted, encrypted as it was",
        "responses": {
          "200": {"description": "The password", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Password"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      },
      "delete": {
        "operationId": "clearPassword", "summary": "Forgets it; the guest may post a new one",
        "responses": {
          "204": {"description": "Forgotten"},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/instances/{id}/look": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "look", "summary": "What the guest is answered, byte for byte",
        "parameters": [
          {"name": "path", "in": "query", "schema": {"type": "string"},
           "description": "The path that the guest asks for; / where it is left out"},
          {"name": "tree", "in": "query", "schema": {"type": "boolean"},
           "description": "All that is below the path, as a map from paths"}],
        "responses": {
          "200": {"description": "The guest's bytes, or the tree",
            "headers": {"Nameplate-Guest-Status": {
              "description": "The status that the guest would get",
              "schema": {"type": "integer"}}},
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}},
              "*/*": {}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/instances/{id}/readiness": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "getReadiness",
        "summary": "Whether this daemon would answer the instance's guest",
        "parameters": [
          {"name": "wait", "in": "query", "schema": {"type": "string", "examples": ["30s"]},
           "description": "How long to wait until it would, at most 300s"}],
        "responses": {
          "200": {"description": "It would", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Readiness"}}}},
          "503": {"description": "It would not", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Readiness"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    },
    "/v1/instances/{id}/drive": {
      "parameters": [{"$ref": "#/components/parameters/id"}],
      "get": {
        "operationId": "getDrive",
        "summary": "The files of the instance's config drive, with its password and user data",
        "parameters": [
          {"name": "layout", "in": "query", "schema": {
            "enum": ["openstack+ec2", "openstack", "ec2", "nocloud"], "default": "openstack+ec2"}}],
        "responses": {
          "200": {"description": "All files", "content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/Drive"}}}},
          "default": {"$ref": "#/components/responses/Problem"}}
      }
    }
    """#
}

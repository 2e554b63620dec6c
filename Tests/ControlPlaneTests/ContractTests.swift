import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import OrderedCollections
import Testing

@Suite("The contract")
struct ContractTests {
  @Test("every route is in the OpenAPI document and the document has no other")
  func routes() throws {
    let document = try OpenAPIDocument.value()
    var documented: Set<String> = []
    for (path, item) in try #require(document["paths"]?.object) {
      for (method, operation) in item.object ?? [:] where method != "parameters" {
        let id = try #require(operation["operationId"]?.string)
        documented.insert("\(method.uppercased()) \(path) \(id)")
        let ok = operation["responses"]?.object?.keys.contains { $0.hasPrefix("2") }
        #expect(ok == true)
      }
    }
    let shared: Set<ControlAPI.Operation> = [
      .listResources, .createResource, .getResource, .putResource, .deleteResource,
    ]
    let routes = RouteTable.all.map { route in
      let suffix = shared.contains(route.operation) ? route.kind?.rawValue ?? "" : ""
      return "\(route.method) \(route.path) \(route.operation.rawValue)\(suffix)"
    }
    #expect(documented == Set(routes))
    #expect(Set(RouteTable.all.map(\.operation)) == Set(ControlAPI.Operation.allCases))
  }

  @Test("every reference in the document leads somewhere")
  func references() throws {
    let document = try OpenAPIDocument.value()
    func check(_ value: JSONValue) {
      if let target = value["$ref"]?.string {
        #expect(resolve(target, in: document) != nil, "\(target)")
      }
      for member in value.object?.values.elements ?? [] { check(member) }
      for element in value.array ?? [] { check(element) }
    }
    check(document)
  }

  @Test("the document is served, and the service tells of itself")
  func service() async throws {
    try await withPlane { plane in
      let served = try await plane.raw(.GET, "/v1/openapi.json")
      #expect(served.text == OpenAPIDocument.text)
      let health = try await plane.client.health()
      #expect(health.isReady)
      #expect(health.value["status"] == "ready")
      #expect(health.value["version"] == "test")
      #expect(
        health.value["counts"] == ["projects": 0, "networks": 1, "keypairs": 0, "instances": 0])
      try conforms(health.value, to: "Health")
      plane.service.counters.note(.notFound)
      #expect(try await plane.client.counters() == ["refusals.not-found": 1])
    }
  }

  @Test("a daemon that has not read its store yet says so")
  func notReady() async throws {
    try await withPlane(isLoaded: false) { plane in
      let health = try await plane.client.health()
      #expect(!health.isReady)
      #expect(health.value["status"] == "loading")
      #expect(health.value["loading"] == ["read": 0, "of": 0])
    }
  }

  @Test("what is asked of a daemon that still reads its store is answered once it has")
  func waits() async throws {
    try await withPlane(isLoaded: false) { plane in
      async let page = plane.client.list(.network)
      // What needs no record is answered meanwhile.
      #expect(try await !plane.client.health().isReady)
      plane.service.catalog.replace(with: Catalog(try await plane.store.load()))
      #expect(try await page.items.map(\.resource.id.text) == ["default"])
      #expect(try await plane.client.health().isReady)
    }
  }

  @Test("problems survive the wire", arguments: Problem.Kind.allCases)
  func problems(_ kind: Problem.Kind) throws {
    var problem = Problem(kind, "why", field: "a.b", index: 3, holder: "Network a", revision: 9)
    problem.instance = "/v1/networks"
    #expect(Problem(reading: try JSONValue(parsing: problem.value.bytes)) == problem)
    #expect((400...599).contains(kind.status))
    try conforms(problem.value, to: "Problem")
  }

  @Test(
    "times are RFC 3339 and read back",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
      (951_782_400, "2000-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
      (1_700_000_000, "2023-11-14T22:13:20Z"),
    ])
  func times(_ seconds: Int, _ text: String) {
    #expect(Timestamp.text(secondsSince1970: seconds) == text)
    #expect(Timestamp.seconds(text) == seconds)
  }

  @Test(
    "what only looks like a time is none",
    arguments: [
      "20162-1-01T10:20:30Z", "2016-13-01T10:20:30Z", "2015-02-29T10:20:30Z",
      "2016-01-01T24:00:00Z", "2016-01-01T10:20:60Z", "2016:01:01T10-20-30Z", "2016-01-01T10:20:3Z",
    ])
  func noTime(text: String) { #expect(Timestamp.seconds(text) == nil) }

  @Test(
    "a path that cannot be decoded is a bad request", arguments: ["/v1/networks/%zz", "/v1/%ff"])
  func undecodable(_ path: String) {
    #expect {
      _ = try RouteTable.match(method: "GET", path: path)
    } throws: {
      ($0 as? Problem)?.kind == .badRequest
    }
  }

  @Test("percent-encoding reads back and refuses what is broken")
  func percent() {
    let text = "p1/ä b+c%?"
    #expect(PercentCoding.decode(PercentCoding.encode(text)) == text)
    for broken in ["%", "%4", "%zz", "%ff"] { #expect(PercentCoding.decode(broken) == nil) }
    #expect(PercentCoding.query("a=1+2&b&c=%3D")?.map(\.value) == ["1 2", "", "="])
  }
}

func resolve(_ reference: String, in document: JSONValue) -> JSONValue? {
  reference.split(separator: "/").dropFirst().reduce(document as JSONValue?) { value, key in
    value?[String(key)]
  }
}

/// Checks a value against a schema of the OpenAPI document, as far as its schemas go.
func conforms(_ value: JSONValue, to schema: String) throws {
  let document = try OpenAPIDocument.value()
  let failures = check(value, ["$ref": .string("#/components/schemas/\(schema)")], document, "$")
  #expect(failures.isEmpty, "\(failures.joined(separator: "; "))")
}

private func check(
  _ value: JSONValue, _ schema: JSONValue, _ document: JSONValue, _ path: String
) -> [String] {
  if let reference = schema["$ref"]?.string {
    guard let target = resolve(reference, in: document) else { return ["\(path): no \(reference)"] }
    return check(value, target, document, path)
  }
  if let options = schema["oneOf"]?.array {
    let count = options.count { check(value, $0, document, path).isEmpty }
    return count == 1 ? [] : ["\(path): matches \(count) of oneOf"]
  }
  if let constant = schema["const"], value != constant { return ["\(path): not \(constant)"] }
  if let words = schema["enum"]?.array, !words.contains(value) { return ["\(path): \(value)"] }
  var failures: [String] = []
  if let type = schema["type"]?.string, !isOf(type, value) {
    failures.append("\(path): not \(type)")
  }
  for name in schema["required"]?.array ?? [] where value[name.string ?? ""] == nil {
    failures.append("\(path): lacks \(name)")
  }
  for (name, member) in value.object ?? [:] {
    if let property = schema["properties"]?[name] {
      failures += check(member, property, document, "\(path).\(name)")
    } else if schema["additionalProperties"] == .bool(false) {
      failures.append("\(path).\(name): unknown")
    } else if let extra = schema["additionalProperties"], extra.object != nil {
      failures += check(member, extra, document, "\(path).\(name)")
    }
  }
  if let items = schema["items"] {
    for element in value.array ?? [] { failures += check(element, items, document, "\(path)[]") }
  }
  return failures
}

private func isOf(_ type: String, _ value: JSONValue) -> Bool {
  switch (type, value) {
  case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool): true
  case ("integer", .number(let number)): number.integer != nil
  default: false
  }
}

import AsyncHTTPClient
import ControlAPI
import Inventory
import NIOHTTP1
import OrderedCollections
import TestKit
import Testing

@testable import ControlClient

@Suite("One project's access")
struct ScopeTests {
  static let own = testID(1)
  static let foreign = testID(2)
  static let nobodys = testID(3)

  /// Two projects and what belongs to neither.
  static let documents: [JSONValue] = [
    ["kind": "Network", "id": "shared"],
    ["kind": "Network", "id": "net-1", "project": "p1"],
    ["kind": "Network", "id": "net-2", "project": "p2"],
    ["kind": "KeyPair", "name": "k", "project": "p1", "publicKey": "ssh-ed25519 AAAA"],
    ["kind": "KeyPair", "name": "k", "project": "p2", "publicKey": "ssh-ed25519 AAAA"],
    ["kind": "KeyPair", "name": "k", "publicKey": "ssh-ed25519 AAAA"],
    instanceDocument(own, "own", "192.0.2.1", [("project", "p1")]),
    instanceDocument(foreign, "foreign", "192.0.2.2", [("project", "p2")]),
    instanceDocument(nobodys, "nobodys", "192.0.2.3"),
  ]

  func withScope(_ body: @Sendable @escaping (NetworkPlane, ControlClient) async throws -> Void)
    async throws
  {
    try await withNetworkPlane { network in
      _ = try await network.plane.client.apply(Self.documents)
      try await network.asking(as: .operator, project: "p1") { try await body(network, $0) }
    }
  }

  @Test("lists have the project's own, and networks that are nobody's")
  func lists() async throws {
    try await withScope { _, client in
      var seen: [String] = []
      for kind in ResourceKind.allCases {
        seen += try await client.listAll(kind).map(\.resource.id.description)
      }
      #expect(
        seen == [
          "Network default", "Network net-1", "Network shared", "KeyPair p1/k",
          "Instance \(Self.own)",
        ])
      var query = ListQuery()
      query.project = "p2"
      let others = try await client.list(.instance, query).items
      #expect(others.isEmpty)
      let health = try await client.health().value
      #expect(health["counts"] == nil)
    }
  }

  /// Every path that names a resource, with a body that would do.
  static let paths: [(HTTPMethod, String, JSONValue?)] = [
    (.GET, "/v1/instances/ID", nil), (.DELETE, "/v1/instances/ID", nil),
    (.GET, "/v1/instances/ID/metadata", nil), (.PUT, "/v1/instances/ID/metadata", [:]),
    (.PATCH, "/v1/instances/ID/metadata", ["a": "b"]),
    (.PUT, "/v1/instances/ID/metadata/a", "b"), (.DELETE, "/v1/instances/ID/metadata/a", nil),
    (.GET, "/v1/instances/ID/password", nil), (.DELETE, "/v1/instances/ID/password", nil),
    (.GET, "/v1/instances/ID/look", nil), (.GET, "/v1/instances/ID/look?tree=true", nil),
    (.GET, "/v1/instances/ID/readiness", nil),
  ]

  @Test("what is another project's is answered as what does not exist", arguments: paths)
  func asUnknown(_ method: HTTPMethod, _ path: String, _ body: JSONValue?) async throws {
    try await withScope { network, client in
      let before = try await network.plane.store.load()
      for id in [Self.foreign, Self.nobodys, testID(99)] {
        do {
          _ = try await client.transport.send(
            method, path.replacing("ID", with: id.description),
            body: body.map { .bytes($0.bytes) })
          Issue.record("\(id) was answered")
        } catch ControlClientError.problem(let problem) {
          #expect(problem.kind == .notFound)
          #expect(problem.detail == "Instance \(id) does not exist")
          #expect(problem.revision == nil && problem.holder == nil)
        }
      }
      #expect(try await network.plane.store.load().records == before.records)
    }
  }

  /// Documents that a project may not write, and what is said of them.
  static let refusals: [(String, JSONValue, Problem.Kind)] = [
    (
      "take over by id", instanceDocument(foreign, "x", "192.0.2.9", [("project", "p1")]), .notFound
    ),
    (
      "write as another", instanceDocument(own, "own", "192.0.2.1", [("project", "p2")]), .forbidden
    ),
    ("write as nobody", instanceDocument(own, "own", "192.0.2.1"), .forbidden),
    (
      "declare for another", instanceDocument(testID(8), "x", "192.0.2.8", [("project", "p2")]),
      .forbidden
    ),
    ("take over a network", ["kind": "Network", "id": "net-2", "project": "p1"], .notFound),
    ("take a shared network", ["kind": "Network", "id": "shared", "project": "p1"], .forbidden),
    (
      "take a shared network as it is", ["kind": "Network", "id": "shared", "mtu": 1400], .forbidden
    ),
    (
      "a foreign key", ["kind": "KeyPair", "name": "k", "project": "p2", "publicKey": "ssh-rsa A"],
      .forbidden
    ),
    (
      "plug into a foreign network",
      [
        "kind": "Instance", "id": .string(testID(8).description),
        "hostname": "x", "project": "p1",
        "interfaces": [["network": "net-2", "address": "198.51.100.1"]],
      ], .missingReference
    ),
    (
      "take a foreign address", instanceDocument(testID(8), "x", "192.0.2.2", [("project", "p1")]),
      .claimed
    ),
  ]

  @Test("nobody takes what is another's by declaring it", arguments: refusals)
  func refuses(_ name: String, _ document: JSONValue, _ expected: Problem.Kind) async throws {
    try await withScope { network, client in
      let resource = try Resource(reading: document)
      let before = try await network.plane.store.load()
      let put = try await problem { _ = try await client.put(resource) }
      #expect(put == expected, "put: \(name)")
      do {
        _ = try await client.apply([Self.documents[1], document])
        Issue.record("apply: \(name)")
      } catch ControlClientError.problem(let problem) {
        #expect(problem.kind == expected, "apply: \(name)")
        #expect(problem.index == 1)
        #expect(!"\(problem)".contains(Self.foreign.description) || expected == .notFound)
      }
      #expect(try await network.plane.store.load().records == before.records)
    }
  }

  @Test("what is the project's own is written")
  func writesOwn() async throws {
    try await withScope { network, client in
      let document = instanceDocument(Self.own, "own", "192.0.2.7", [("project", "p1")])
      let changed = try await client.put(try Resource(reading: document))
      #expect(
        changed.resource.instance?.interfaces.first?.addresses.first?.ip == IPAddress("192.0.2.7"))
      _ = try await client.changeMetadata(of: Self.own, [("a", "b")])
      _ = try await client.create(
        instanceDocument(nil, "new", "192.0.2.8", [("project", "p1")]), kind: .instance)
      try await client.delete(ResourceID(kind: .keyPair, text: "p1/k"))
      let last = try await network.plane.store.entries(AuditQuery(limit: 4))
      #expect(
        last.map(\.operation) == [
          "putResource", "patchMetadata", "createResource", "deleteResource",
        ])
      #expect(last.allSatisfy { $0.author.kind == .token && $0.author.name == "operator-p1" })
    }
  }

  @Test("a watcher sees the project's changes, and a resource that leaves it as deleted")
  func watches() async throws {
    try await withScope { network, client in
      let root = network.plane.client
      let since = try await client.list(.instance).revision
      _ = try await root.apply([
        instanceDocument(Self.foreign, "f", "192.0.2.2", [("project", "p2")])
      ])
      try await root.delete(ResourceID(kind: .instance, text: Self.nobodys.description))
      _ = try await root.apply([instanceDocument(Self.own, "own", "192.0.2.1", [("project", "p2")])]
      )
      _ = try await root.apply([["kind": "Network", "id": "shared", "mtu": 1400]])
      var seen: [String] = []
      try await client.watch(since: since) { event, _ in
        let id = event.data["id"] ?? event.data["document"]?["id"]
        seen.append("\(event.name) \(id?.string ?? "")")
        return seen.count < 2
      }
      #expect(seen == ["deleted \(Self.own)", "put shared"])
    }
  }
}

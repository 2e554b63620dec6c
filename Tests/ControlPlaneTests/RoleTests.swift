import AsyncHTTPClient
import ControlAPI
import Inventory
import NIOCore
import NIOHTTP1
import OrderedCollections
import TestKit
import Testing

@testable import ControlClient
@testable import ControlServer

@Suite("Roles")
struct RoleTests {
  /// Who may do what, as docs/control-api.md has it: the least role, and whether a project is enough.
  static let table: [ControlAPI.Operation: (Role, isForProjects: Bool)] = [
    .getHealth: (.reader, true), .getOpenAPI: (.reader, true), .listResources: (.reader, true),
    .getResource: (.reader, true), .getMetadata: (.reader, true), .getReadiness: (.reader, true),
    .watch: (.reader, true), .listIMDSv1Users: (.reader, true),
    .getCounters: (.reader, false), .getMetrics: (.reader, false), .getTop: (.reader, false),
    .listListeners: (.reader, false),
    .listStrangers: (.reader, false), .getProbe: (.reader, false), .getAddress: (.reader, false),
    .look: (.operator, true), .getPassword: (.operator, true),
    .createResource: (.operator, true), .putResource: (.operator, true),
    .deleteResource: (.operator, true), .putMetadata: (.operator, true),
    .patchMetadata: (.operator, true), .putMetadataItem: (.operator, true),
    .deleteMetadataItem: (.operator, true), .clearPassword: (.operator, true),
    .apply: (.operator, true),
    .listAccess: (.admin, false), .createAccess: (.admin, false), .revokeAccess: (.admin, false),
    .listAudit: (.admin, false), .getDrive: (.admin, false),
  ]

  @Test("each role may do what the table says, and no more", arguments: Role.allCases)
  func decides(_ role: Role) {
    for operation in ControlAPI.Operation.allCases {
      let (least, isForProjects) = Self.table[operation] ?? (.admin, false)
      for project in [nil, "p1"] {
        let principal = Principal(author: Author(.token, "t"), role: role, project: project)
        let may = (try? principal.check(operation)) != nil
        #expect(
          may == (role >= least && (project == nil || isForProjects)),
          "\(role) \(project ?? "all") \(operation)")
      }
    }
  }

  @Test("every write is one by its method too")
  func writes() {
    for route in RouteTable.all {
      #expect(route.operation.rule.isWrite == (route.method != "GET"), "\(route.path)")
    }
  }

  @Test("each route asks for its role over the wire", arguments: RouteTable.all)
  func wire(_ route: Route) async throws {
    try await withNetworkPlane { network in
      let path = route.path.replacing("{id}", with: testID(9).description)
        .replacing("{name}", with: "nobody").replacing("{key}", with: "k")
        .replacing("{address}", with: "192.0.2.1").replacing("{nonce}", with: "0")
      for role in Role.allCases where role < route.operation.rule.role {
        let client = try network.client(token: try await network.token(role))
        let refusal = try await problem {
          _ = try await client.transport.send(HTTPMethod(rawValue: route.method), path)
        }
        await client.shutdown()
        #expect(refusal == .forbidden, "\(role)")
      }
      let refused = try await network.plane.store.entries(AuditQuery(limit: 100)).filter {
        $0.outcome == .refused(reason: "forbidden")
      }
      let roles = Role.allCases.count { $0 < route.operation.rule.role }
      #expect(refused.count == (route.operation.rule.isWrite ? roles : 0))
    }
  }

  @Test("a reader is shown no secrets, and is told that there are some")
  func secrets() async throws {
    try await withNetworkPlane { network in
      let document = instanceDocument(
        testID(1), "a", "192.0.2.1",
        [
          ("userData", "SECRET-1"), ("adminPassword", "SECRET-2"),
          ("vendorData", ["k": "SECRET-3"]), ("files", [["path": "/a", "content": "SECRET-4"]]),
          ("metadata", ["role": "web"]),
        ])
      _ = try await network.plane.client.apply([document])
      let (text, look, password) = try await network.plane.shown(to: .reader, network)
      #expect(!text.contains("SECRET"))
      #expect(text.contains("web"))
      #expect(text.contains(#""redacted": ["userData", "vendorData", "adminPassword", "files"]"#))
      #expect(look == .forbidden && password == .forbidden)
      let whole = try await network.plane.shown(to: .operator, network)
      for number in 1...4 { #expect(whole.text.contains("SECRET-\(number)")) }
      #expect(!whole.text.contains("redacted"))
      #expect(whole.look == nil && whole.password == .notFound)
    }
  }
}

extension Plane {
  /// All that a role is shown of an instance: the record, its page, and its change.
  fileprivate func shown(to role: Role, _ network: NetworkPlane) async throws -> (
    text: String, look: Problem.Kind?, password: Problem.Kind?
  ) {
    let client = try network.client(token: try await network.token(role))
    let id = testID(1)
    var text = ""
    for path in ["/v1/instances/\(id)", "/v1/instances"] {
      let answer = try await client.transport.send(.GET, path)
      text += String(decoding: try await client.transport.bytes(answer), as: UTF8.self)
    }
    let stream = try await client.transport.send(.GET, "/v1/watch?since=1")
    for try await chunk in stream.body {
      text += String(decoding: chunk.readableBytesView, as: UTF8.self)
      if text.contains("event: put") { break }
    }
    let look = try await problem { _ = try await client.look("/", as: id) }
    let password = try await problem { _ = try await client.password(of: id) }
    await client.shutdown()
    return (text, look, password)
  }
}

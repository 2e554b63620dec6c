import ControlAPI
import Inventory
import MetadataService
import NIOHTTP1
import OrderedCollections
import TestKit
import Testing

@testable import ControlClient

@Suite("An instance's parts over the socket")
struct InstanceTests {
  @Test("metadata is replaced, merged and changed item by item")
  func metadata() async throws {
    try await withPlane { plane in
      let id = testID(1)
      _ = try await plane.client.create(instanceDocument(id, "a", "192.0.2.1"), kind: .instance)
      let path = "/v1/instances/\(id)/metadata"
      let put = try await plane.raw(.PUT, path, body: #"{"role": "web", "tier": "1"}"#)
      #expect(put.json == ["role": "web", "tier": "1"])
      #expect(put.headers.first(name: "ETag") == "\"3\"")
      let merged = try await plane.client.changeMetadata(
        of: id, [("tier", nil), ("sla", "gold")])
      #expect(merged == ["role": "web", "sla": "gold"])
      let item = try await plane.raw(.PUT, "\(path)/a%2Fb%20c", body: #""x""#)
      #expect(item.json["a/b c"] == "x")
      let deleted = try await plane.raw(.DELETE, "\(path)/role")
      #expect(deleted.json == ["sla": "gold", "a/b c": "x"])
      try conforms(deleted.json, to: "Metadata")
      #expect(try await plane.raw(.DELETE, "\(path)/role").status == 404)
      #expect(try await plane.client.metadata(of: id) == deleted.json)
    }
  }

  @Test("metadata keeps its rules and its revisions")
  func metadataRules() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let path = "/v1/instances/\(id)/metadata"
      #expect(try await plane.raw(.GET, path).status == 404)
      _ = try await plane.client.create(instanceDocument(id, "a", "192.0.2.1"), kind: .instance)
      let long = String(repeating: "x", count: 256)
      let tooLong = try await plane.raw(.PUT, "\(path)/k", body: "\"\(long)\"")
      #expect(tooLong.status == 422)
      #expect(tooLong.json["field"] == "metadata.k")
      #expect(try await plane.raw(.PUT, "\(path)/k", body: "1").status == 422)
      #expect(try await plane.raw(.PUT, path, body: "[]").status == 422)
      let stale = [("If-Match", "\"1\"")]
      #expect(try await plane.raw(.PATCH, path, headers: stale, body: "{}").status == 412)
      let current = [("If-Match", "\"2\"")]
      #expect(try await plane.raw(.PATCH, path, headers: current, body: "{}").status == 200)
    }
  }

  @Test("no concurrent write of metadata is lost")
  func concurrentMetadata() async throws {
    try await withPlane { plane in
      let id = testID(1)
      _ = try await plane.client.create(instanceDocument(id, "a", "192.0.2.1"), kind: .instance)
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Each waits for those before it: their square is what it takes.
        for number in 0..<16 {
          group.addTask {
            try await plane.client.changeMetadata(of: id, [("key-\(number)", "\(number)")])
          }
        }
        try await group.waitForAll()
      }
      #expect(try await plane.client.metadata(of: id).object?.count == 16)
    }
  }

  @Test("a password is read and cleared, and is not there before or after")
  func password() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let path = "/v1/instances/\(id)/password"
      #expect(try await plane.raw(.GET, path).status == 404)
      _ = try await plane.client.create(instanceDocument(id, "a", "192.0.2.1"), kind: .instance)
      #expect(try await plane.raw(.GET, path).status == 404)
      let result = try await plane.store.commit(
        [.setPassword(id, Secret(Array("c2VjcmV0".utf8)))], now: 0, dryRun: false)
      await plane.service.catalog.wait(for: result.revision)
      #expect(try await plane.client.password(of: id) == "c2VjcmV0")
      try await plane.client.clearPassword(of: id)
      #expect(try await plane.raw(.GET, path).status == 404)
    }
  }

  @Test("an operator sees the guest's bytes, status and tree")
  func look() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let userData = "#!/bin/sh\nprintf '\\377'\n"
      _ = try await plane.client.create(
        instanceDocument(id, "a", "192.0.2.1", [("userData", .string(userData))]), kind: .instance)
      let look = try await plane.client.look("/latest/user-data", as: id)
      #expect(look.status == 200)
      #expect(look.body == Array(userData.utf8))
      #expect(look.contentType.hasPrefix("text/plain"))
      let listing = try await plane.client.look("/latest/meta-data/", as: id)
      #expect(String(decoding: listing.body, as: UTF8.self).contains("instance-id"))
      let missing = try await plane.client.look("/latest/nothing-here", as: id)
      #expect(missing.status == 404)
      let raw = try await plane.raw(.GET, "/v1/instances/\(id)/look?path=/latest/nothing-here")
      #expect(raw.status == 200)

      let tree = try await plane.client.tree(of: id, below: "/latest")
      try conforms(tree, to: "Tree")
      #expect(tree["/latest/user-data"]?["text"] == .string(userData))
      #expect(tree["/latest/user-data"]?["size"] == JSONValue(userData.utf8.count))
      #expect(tree["/latest/meta-data/"]?["listing"]?.array?.contains("instance-id") == true)
      #expect(try await plane.raw(.GET, "/v1/instances/\(testID(2))/look").status == 404)
      #expect(
        try await plane.raw(.GET, "/v1/instances/\(id)/look?tree=true&path=/none").status == 404)
    }
  }
}

import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import TestKit
import Testing

@Suite("Resources over the socket")
struct ResourceTests {
  @Test("an instance is declared, read, replaced and deleted")
  func lifeOfAnInstance() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let document = instanceDocument(id, "web-1", "192.0.2.1")
      let created = try await plane.raw(.POST, "/v1/instances", body: document.text)
      #expect(created.status == 201)
      #expect(created.headers.first(name: "Location") == "/v1/instances/\(id)")
      #expect(created.headers.first(name: "ETag") == "\"2\"")
      #expect(created.json["createdAt"] == "2023-11-14T22:13:20Z")
      #expect(created.json["ec2InstanceId"] == .string(id.ec2InstanceIDCandidates[0]))

      let read = try await plane.raw(.GET, "/v1/instances/\(id.description.uppercased())")
      #expect(read.status == 200)
      #expect(read.json == created.json)
      try conforms(read.json, to: "Record")
      let known = try await plane.raw(
        .GET, "/v1/instances/\(id)", headers: [("If-None-Match", "\"2\"")])
      #expect(known.status == 304)

      let record = try await plane.client.get(ResourceID(kind: .instance, text: id.description))
      let unchanged = try await plane.client.put(record.resource)
      #expect(unchanged.revision == record.revision)

      try await plane.client.delete(record.resource.id, .revisions([record.revision]))
      let gone = try await plane.raw(.GET, "/v1/instances/\(id)")
      #expect(gone.status == 404)
      try conforms(gone.json, to: "Problem")
    }
  }

  @Test("an instance without an id is given one, and the path may give it")
  func madeIDs() async throws {
    try await withPlane { plane in
      let made = try await plane.client.create(
        instanceDocument(nil, "web-1", "192.0.2.1"), kind: .instance)
      #expect(made.resource.instance?.hostname == "web-1")
      let id = testID(9)
      let put = try await plane.raw(
        .PUT, "/v1/instances/\(id)", body: instanceDocument(nil, "web-2", "192.0.2.2").text)
      #expect(put.status == 201)
      #expect(put.json["document"]?["id"] == .string(id.description))
    }
  }

  @Test("a key pair's id is one segment of the path")
  func keyPairs() async throws {
    try await withPlane { plane in
      let key: JSONValue = [
        "kind": "KeyPair", "name": "alice laptop", "project": "p1",
        "publicKey": "ssh-ed25519 AAAA alice",
      ]
      let created = try await plane.raw(.POST, "/v1/keypairs", body: key.text)
      #expect(created.status == 201)
      #expect(created.headers.first(name: "Location") == "/v1/keypairs/p1%2Falice%20laptop")
      let read = try await plane.client.get(ResourceID(kind: .keyPair, text: "p1/alice laptop"))
      #expect(read.resource.value == key)
      try await plane.client.delete(read.resource.id)
    }
  }

  @Test("conditions on revisions are kept")
  func preconditions() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let path = "/v1/instances/\(id)"
      let first = instanceDocument(id, "web-1", "192.0.2.1").text
      let second = instanceDocument(id, "web-2", "192.0.2.1").text
      let absent = [("If-None-Match", "*")]
      #expect(
        try await plane.raw(.PUT, path, headers: [("If-Match", "*")], body: first).status == 412)
      #expect(try await plane.raw(.PUT, path, headers: absent, body: first).status == 201)
      let refused = try await plane.raw(.PUT, path, headers: absent, body: second)
      #expect(refused.status == 412)
      #expect(refused.json["revision"] == 2)
      let stale = [("If-Match", "\"1\"")]
      #expect(try await plane.raw(.PUT, path, headers: stale, body: second).status == 412)
      #expect(try await plane.raw(.DELETE, path, headers: stale).status == 412)
      let good = [("If-Match", "\"1\", \"2\"")]
      #expect(try await plane.raw(.PUT, path, headers: good, body: second).status == 200)
      let unreadable = [("If-Match", "two")]
      #expect(try await plane.raw(.PUT, path, headers: unreadable, body: first).status == 400)
    }
  }

  @Test("a second claim is refused and names the holder; what is referred to stays")
  func claims() async throws {
    try await withPlane { plane in
      _ = try await plane.client.create(
        ["kind": "Network", "id": "net-a"], kind: .network)
      let one = instanceDocument(testID(1), "web-1", "192.0.2.1")
      _ = try await plane.client.create(one, kind: .instance)
      let claimed = try await plane.raw(
        .POST, "/v1/instances", body: instanceDocument(testID(2), "web-2", "192.0.2.1").text)
      #expect(claimed.status == 409)
      #expect(claimed.json["holder"] == .string("Instance \(testID(1))"))
      let repeated = try await plane.raw(.POST, "/v1/instances", body: one.text)
      #expect(repeated.status == 409)

      let elsewhere: JSONValue = [
        "kind": "Instance", "id": .string(testID(3).description), "hostname": "web-3",
        "interfaces": [["network": "net-a", "address": "192.0.2.3"]],
      ]
      _ = try await plane.client.create(elsewhere, kind: .instance)
      let referenced = try await plane.raw(.DELETE, "/v1/networks/net-a")
      #expect(referenced.status == 409)
      #expect(referenced.json["holder"] == .string("Instance \(testID(3))"))
      #expect(try await plane.raw(.DELETE, "/v1/networks/default").status == 409)
      #expect(try await plane.raw(.DELETE, "/v1/networks/net-z").status == 404)
    }
  }

  @Test("lists come in pages by id and take filters")
  func lists() async throws {
    try await withPlane { plane in
      let documents = (0..<25).map { number in
        instanceDocument(
          testID(number), "web-\(number)", "192.0.2.\(number + 1)",
          [("host", number % 2 == 0 ? "even" : "odd")])
      }
      _ = try await plane.client.apply(documents.reversed())
      var query = ListQuery()
      query.limit = 10
      var seen: [InstanceID] = []
      while true {
        let page = try await plane.client.list(.instance, query)
        try conforms(page.form, to: "RecordPage")
        seen += page.items.compactMap { $0.resource.instance?.id }
        guard let next = page.next else { break }
        query.marker = next
      }
      #expect(seen == (0..<25).map(testID))
      #expect(try await plane.client.listAll(.instance).count == 25)

      let odd = try await plane.raw(.GET, "/v1/instances?host=odd&limit=12")
      #expect(odd.json["items"]?.array?.count == 12)
      #expect(odd.json["next"] == nil)
      let one = try await plane.raw(.GET, "/v1/instances?address=192.0.2.5&network=default")
      #expect(one.json["items"]?.array?.count == 1)
      #expect(try await plane.raw(.GET, "/v1/networks?host=odd").status == 400)
      #expect(try await plane.raw(.GET, "/v1/instances?limit=0").status == 400)
    }
  }

  @Test(
    "what is wrong with a request is told",
    arguments: [
      ("POST", "/v1/instances", "{", 400, nil as String?),
      ("POST", "/v1/instances", #"{"kind": "Instance"}"#, 422, "hostname"),
      ("POST", "/v1/instances", #"{"kind": "Network", "id": "a"}"#, 422, "kind"),
      ("POST", "/v1/networks", #"{"kind": "Network", "id": "a", "color": 1}"#, 422, "color"),
      ("PUT", "/v1/networks/b", #"{"kind": "Network", "id": "a"}"#, 422, "id"),
      ("GET", "/v1/instances/nonsense", "", 404, nil),
      ("GET", "/v1/nothing", "", 404, nil),
      ("GET", "/", "", 404, nil),
      ("PATCH", "/v1/networks/default", "", 405, nil),
      ("GET", "/v1/watch?since=soon", "", 400, "since"),
    ])
  func refusals(
    _ method: String, _ path: String, _ body: String, _ status: Int, _ field: String?
  ) async throws {
    try await withPlane { plane in
      let answer = try await plane.raw(
        .init(rawValue: method), path, body: body.isEmpty ? nil : body)
      #expect(answer.status == status)
      #expect(answer.headers.first(name: "Content-Type") == "application/problem+json")
      #expect(answer.json["field"] == field.map(JSONValue.string))
      try conforms(answer.json, to: "Problem")
      if status == 405 {
        #expect(answer.headers.first(name: "Allow") == "GET, PUT, DELETE")
      }
    }
  }

  @Test("a body at the limit is read, one byte more is refused")
  func bodyLimit() async throws {
    try await withPlane { plane in
      let document = #"{"kind": "Network", "id": "a"}"#
      let padding = Limits.maximumControlBodyBytes - document.utf8.count
      let full = document + String(repeating: " ", count: padding)
      let taken = try await plane.raw(.POST, "/v1/networks", body: full)
      #expect(taken.status == 201)
      let refused = try await plane.raw(.POST, "/v1/networks", body: full + " ")
      #expect(refused.status == 413)
    }
  }

  @Test(
    "each of the store's errors has its status",
    arguments: [
      (StoreError.full("no space"), 507), (.unavailable("locked"), 503), (.corrupt("row 1"), 503),
    ])
  func storeErrors(_ error: StoreError, _ status: Int) async throws {
    try await withPlane { plane in
      plane.store.fail(with: error)
      let answer = try await plane.raw(
        .POST, "/v1/networks", body: #"{"kind": "Network", "id": "a"}"#)
      #expect(answer.status == status)
    }
  }
}

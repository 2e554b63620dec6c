import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import OrderedCollections
import Testing

@Suite("Projects, and who asks without session tokens")
struct ProjectTests {
  @Test("a project is declared, read, listed, replaced and deleted as the other kinds are")
  func resource() async throws {
    try await withPlane { plane in
      let document: JSONValue = [
        "kind": "Project", "id": "p1", "metadataOptions": ["httpTokens": "required"],
      ]
      let created = try await plane.client.create(document, kind: .project)
      #expect(created.resource.value == document)
      let id = ResourceID(kind: .project, text: "p1")
      #expect(try await plane.client.get(id).resource.value == document)
      try conforms(document, to: "Project")
      _ = try await plane.client.create(["kind": "Project", "id": "p2"], kind: .project)
      #expect(try await plane.client.listAll(.project).map(\.resource.id.text) == ["p1", "p2"])
      let raw = try await plane.raw(
        .PUT, "/v1/projects/p1", body: #"{"kind": "Project", "id": "p1"}"#)
      #expect(raw.status == 200)
      #expect(try await plane.client.get(id).resource.value == ["kind": "Project", "id": "p1"])
      try await plane.client.delete(id)
      #expect(try await plane.raw(.GET, "/v1/projects/p1").status == 404)
      let wrong = try await plane.raw(
        .PUT, "/v1/projects/p1",
        body: #"{"kind": "Project", "id": "p1", "metadataOptions": {"httpToken": "required"}}"#)
      #expect(wrong.status == 422 || wrong.status == 400)
      #expect(wrong.json["field"]?.string == "metadataOptions.httpToken")
    }
  }

  @Test("a project's options are in force for its instances at once, and for no others")
  func inherited() async throws {
    try await withPlane { plane in
      for (number, project) in [(1, "p1"), (2, "p2")] {
        _ = try await plane.client.create(
          instanceDocument(
            testID(number), "h\(number)", "10.0.0.\(number)", [("project", .string(project))]),
          kind: .instance)
      }
      let status = { (number: Int) -> Int in
        let request = GuestRequest(
          Question(method: .get, target: Array("/latest/meta-data/hostname".utf8)),
          network: .default,
          source: .v4(0x0A00_0000 | UInt32(number)))
        guard case .answer(let answer) = plane.service.answer(request) else { return 0 }
        return answer.status
      }
      #expect([status(1), status(2)] == [200, 200])
      _ = try await plane.client.create(
        ["kind": "Project", "id": "p1", "metadataOptions": ["httpTokens": "required"]],
        kind: .project)
      #expect([status(1), status(2)] == [401, 200])
      #expect(
        try await plane.client.get(ResourceID(kind: .instance, text: testID(1).description))
          .resource.value["metadataOptions"] == nil)

      let users = try await plane.client.imdsV1Users()
      #expect(
        users.map(\.id) == [testID(2), testID(1)] || users.map(\.id) == [testID(1), testID(2)])
      try conforms(["items": .array(users.map(\.form))], to: "IMDSv1Users")
      let second = try #require(users.first { $0.id == testID(2) })
      #expect(second.requests == ["ec2": 2])
      #expect(second.hostname == "h2" && second.project == "p2")
      #expect(second.lastSeenSeconds == 1_700_000_000)
      #expect(second.countedSinceSeconds == 1_700_000_000)
      #expect(try await plane.client.imdsV1Users(project: "p1").map(\.id) == [testID(1)])
      #expect(try await plane.raw(.GET, "/v1/imds-v1-users?projet=p1").status == 400)
      try await plane.client.delete(ResourceID(kind: .instance, text: testID(2).description))
      #expect(try await plane.client.imdsV1Users().map(\.id) == [testID(1)])
    }
  }
}

import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import Synchronization
import Testing

@testable import ControlServer

@Suite("Apply over the socket")
struct ApplyTests {
  @Test("two thousand documents in the wrong order become one revision, with progress on the way")
  func many() async throws {
    try await withPlane { plane in
      let count = 2000
      var documents: [JSONValue] = (1..<count).map { number in
        .object([
          ("kind", "Instance"), ("hostname", .string("web-\(number)")),
          ("keys", ["alice"]),
          (
            "interfaces",
            [["network": "net-a", "address": .string("10.0.\(number / 250).\(number % 250 + 1)")]]
          ),
        ])
      }
      documents.append(["kind": "KeyPair", "name": "alice", "publicKey": "ssh-ed25519 AAAA a"])
      documents.append(["kind": "Network", "id": "net-a"])
      let progress = Mutex<[Int]>([])
      let first = try await plane.client.apply(documents) { read in
        progress.withLock { $0.append(read) }
      }
      #expect(first.revision == 2)
      #expect(first.outcomes.map(\.index) == Array(documents.indices))
      #expect(first.outcomes.allSatisfy { $0.action == .created })
      #expect(first.outcomes.last?.id == ResourceID(kind: .network, text: "net-a"))
      let reports = progress.withLock(\.self)
      #expect(!reports.isEmpty && reports == reports.sorted())

      let second = try await plane.client.apply(documents)
      #expect(second.revision == 2)
      #expect(second.outcomes.allSatisfy { $0.action == .unchanged })
      #expect(second.outcomes.map(\.id) == first.outcomes.map(\.id))
    }
  }

  @Test("a broken reference applies nothing and names the document")
  func brokenReference() async throws {
    try await withPlane { plane in
      let documents: [JSONValue] = [
        instanceDocument(testID(1), "a", "192.0.2.1", [("keys", ["nobody"])]),
        ["kind": "Network", "id": "net-a"],
      ]
      await #expect {
        _ = try await plane.client.apply(documents)
      } throws: { error in
        guard case .problem(let problem)? = error as? ControlClientError else { return false }
        return problem.kind == .missingReference && problem.index == 0
          && problem.field == "keys[0]"
      }
      #expect(plane.service.catalog.read(\.revision) == 1)
    }
  }

  @Test("of two documents that declare the same, both places are named", arguments: [true, false])
  func repeated(hasID: Bool) async throws {
    try await withPlane { plane in
      let same = instanceDocument(hasID ? testID(1) : nil, "a", "192.0.2.1")
      if !hasID { _ = try await plane.client.apply([same]) }
      let lines = [instanceDocument(testID(2), "b", "192.0.2.2"), same, same].map(\.text)
      let answer = try await plane.raw(.POST, "/v1/apply", body: lines.joined(separator: "\n"))
      try conforms(answer.json, to: "ApplyLine")
      let problem = try #require(answer.json["problem"])
      #expect(problem["index"] == 2 && problem["firstIndex"] == 1, "\(problem)")
      #expect(problem["holder"]?.string?.hasPrefix("Instance ") == true)
      #expect(Problem(reading: problem)?.firstIndex == 1)
    }
  }

  @Test("a dry run shows each document before and after and writes nothing")
  func dryRun() async throws {
    try await withPlane { plane in
      let before = instanceDocument(testID(1), "a", "192.0.2.1")
      let record = try await plane.client.create(before, kind: .instance)
      let result = try await plane.client.apply(
        [
          instanceDocument(testID(1), "b", "192.0.2.1"),
          instanceDocument(testID(2), "c", "192.0.2.2"),
        ], dryRun: true)
      #expect(result.outcomes.map(\.action) == [.updated, .created])
      #expect(result.outcomes[0].before == record.resource.value)
      #expect(result.outcomes[0].after?["hostname"] == "b")
      #expect(result.outcomes[1].before == nil)
      try conforms(ApplyLine.result(revision: 1, result.outcomes).form, to: "ApplyLine")
      #expect(try await plane.client.get(record.resource.id) == record)
    }
  }

  @Test("a document without an id is the instance that has its address, host name and project")
  func withoutID() async throws {
    try await withPlane { plane in
      let document = instanceDocument(nil, "web-1", "192.0.2.1")
      let first = try await plane.client.apply([document])
      let second = try await plane.client.apply([document])
      #expect(second.outcomes.map(\.id) == first.outcomes.map(\.id))
      #expect(second.outcomes.map(\.action) == [.unchanged])
      // Another host name at the address is another instance, and the address is taken.
      await #expect(throws: ControlClientError.self) {
        _ = try await plane.client.apply([instanceDocument(nil, "web-2", "192.0.2.1")])
      }
      await #expect(throws: ControlClientError.self) {
        _ = try await plane.client.apply([
          instanceDocument(nil, "web-1", "192.0.2.1", [("project", "p2")])
        ])
      }
    }
  }

  @Test(
    "a line that cannot be taken ends the apply with its place",
    arguments: [
      (#"{"kind": "Network", "id": "a"}"# + "\n{", "bad-request", 1),
      (#"{"kind": "Network", "id": "A"}"#, "invalid", 0),
      (
        #"{"kind": "Network", "id": "a"}"# + "\n\n" + #"{"kind": "Network", "id": "a"}"#,
        "invalid", 1
      ),
    ])
  func badLines(_ body: String, _ kind: String, _ index: Int) async throws {
    try await withPlane { plane in
      let answer = try await plane.raw(.POST, "/v1/apply", body: body)
      #expect(answer.status == 200)
      try conforms(answer.json, to: "ApplyLine")
      #expect(answer.json["problem"]?["type"] == .string("urn:nameplate:problem:\(kind)"))
      #expect(answer.json["problem"]?["index"] == JSONValue(index))
      #expect(plane.service.catalog.read(\.revision) == 1)
    }
  }

  @Test("lines come out whole however the bytes arrive, up to the limit and no further")
  func lineSplitter() throws {
    let text = Array("one\n\n  \ntwo\nthree".utf8)
    for size in 1...text.count {
      var splitter = LineSplitter(limit: 5)
      var lines: [[UInt8]] = []
      for start in stride(from: 0, to: text.count, by: size) {
        lines += try splitter.feed(text[start..<min(start + size, text.count)])
      }
      if let last = splitter.finish() { lines.append(last) }
      #expect(lines == ["one", "two", "three"].map { Array($0.utf8) })
    }
    var splitter = LineSplitter(limit: 5)
    #expect(throws: LineSplitter.TooLong.self) { try splitter.feed(Array("123456".utf8)) }
  }
}

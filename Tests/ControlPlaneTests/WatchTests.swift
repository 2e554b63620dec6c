import ControlAPI
import Inventory
import MetadataService
import NIOHTTP1
import Synchronization
import TestKit
import Testing

@testable import ControlClient
@testable import ControlServer

@Suite("Watch over the socket")
struct WatchTests {
  @Test("a watch tells of each change once and goes on from where it ended")
  func resumes() async throws {
    try await withPlane { plane in
      let id = testID(1)
      let document = instanceDocument(id, "a", "192.0.2.1")
      let record = try await plane.client.create(document, kind: .instance)
      _ = try await plane.store.commit(
        [.setPassword(id, Secret(Array("hidden".utf8)))], now: 0, dryRun: false)
      try await plane.client.clearPassword(of: id)
      try await plane.client.delete(record.resource.id)

      var seen: [WatchEvent] = []
      var last: Revision?
      try await plane.client.watch(since: 1) { event, revision in
        seen.append(event)
        last = revision ?? last
        return seen.count < 2
      }
      #expect(seen == [.put(record), .passwordSet(id)])
      #expect(last == 3)
      try await plane.client.watch(since: last) { event, _ in
        seen.append(event)
        return seen.count < 4
      }
      #expect(seen[2...] == [.passwordCleared(id), .deleted(record.resource.id)])
    }
  }

  @Test("a watch from now on sees what comes, and only the kind that it asks for")
  func fromNowOn() async throws {
    try await withPlane { plane in
      _ = try await plane.client.create(["kind": "Network", "id": "old"], kind: .network)
      var seen: [String] = []
      try await plane.client.watch(kind: .network) {
        _ = try? await plane.client.apply([
          instanceDocument(testID(1), "a", "192.0.2.1"), ["kind": "Network", "id": "new"],
        ])
      } _: { event, revision in
        if case .put(let record) = event { seen.append(record.resource.id.description) }
        #expect(revision == 3)
        return false
      }
      #expect(seen == ["Network new"])
    }
  }

  @Test("the last event's id counts over since, and what is forgotten is a 410")
  func compacted() async throws {
    try await withPlane { plane in
      _ = try await plane.client.create(["kind": "Network", "id": "a"], kind: .network)
      plane.store.compact()
      let gone = try await plane.raw(
        .GET, "/v1/watch?since=2", headers: [("Last-Event-ID", "1")])
      #expect(gone.status == 410)
      #expect(gone.json["revision"] == 2)
      #expect(try await plane.raw(.GET, "/v1/watch?since=99").status == 410)
    }
  }

  @Test("watchers end at once when the server shuts down")
  func shutdown() async throws {
    try await withPlane { plane in
      try await plane.client.watch {
        await plane.shutDown()
      } _: { _, _ in
        true
      }
    }
  }

  @Test("there are never more watchers than places")
  func places() {
    let places = WatchPlaces(limit: 2)
    var held = [places.take(), places.take()]
    #expect(held.allSatisfy { $0 != nil })
    #expect(places.take() == nil)
    held.removeLast()
    #expect(places.take() != nil)
  }

  @Test("a transaction's revision stands on its last event")
  func events() {
    var parser = EventParser()
    let event = WatchEvent.deleted(ResourceID(kind: .network, text: "a"))
    let root = Principal.localUser(0, process: nil)
    let text =
      EventStream.heartbeat + EventStream.text(event, id: nil, for: root)
      + EventStream.text(event, id: 7, for: root) + EventStream.text(reached: 8)
    var lines = ByteLines()
    let events = lines.feed(Array(text.utf8)).compactMap { parser.feed($0) }
    #expect(events.map(\.id) == [nil, "7"])
    #expect(events.allSatisfy { $0.name == "deleted" && $0.data == event.data.bytes })
  }
}

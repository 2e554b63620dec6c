import ControlAPI
import ControlClient
import Inventory
import MetadataService
import NIOHTTP1
import Testing

@Suite("Readiness over the control API")
struct ReadinessTests {
  @Test("a declared guest is ready at once, with where it would be answered")
  func ready() async throws {
    try await withPlane { plane in
      let document = instanceDocument(testID(1), "h1", "10.20.0.5")
      _ = try await plane.client.create(document, kind: .instance)
      let readiness = try #require(try await plane.client.readiness(of: testID(1)))
      #expect(readiness.isReady)
      #expect(readiness.answered.map(\.address) == [IPAddress("10.20.0.5")])
      try conforms(readiness.form, to: "Readiness")
    }
  }

  @Test("a question waits until the guest is declared, and then answers")
  func waits() async throws {
    try await withPlane { plane in
      try await withThrowingTaskGroup(of: Bool?.self) { group in
        group.addTask {
          try await plane.client.readiness(of: testID(1), waiting: .seconds(60))?.isReady
        }
        let document = instanceDocument(testID(1), "h1", "10.20.0.5")
        _ = try await plane.client.create(document, kind: .instance)
        #expect(try await group.next() == true)
      }
    }
  }

  @Test("a client asks on while many of its questions wait")
  func manyWait() async throws {
    try await withPlane { plane in
      try await withThrowingTaskGroup(of: Bool?.self) { group in
        for number in 1...40 {
          group.addTask {
            try await plane.client.readiness(of: testID(number), waiting: .seconds(60))?.isReady
          }
        }
        for _ in 0..<1000 { await Task.yield() }
        _ = try await plane.client.apply(
          (1...40).map { instanceDocument(testID($0), "h\($0)", "10.20.1.\($0)") })
        for try await isReady in group { #expect(isReady == true) }
      }
    }
  }

  @Test("what is not ready says why: 503 with the form; what is not declared is 404")
  func notReady() async throws {
    try await withPlane { plane in
      let missing = try await plane.client.readiness(of: testID(1), waiting: .milliseconds(1))
      #expect(missing == nil)
      let path = "/v1/instances/\(testID(2))/readiness"
      #expect(try await plane.raw(.GET, path).status == 404)
      let gone = try await plane.raw(.GET, "\(path)?wait=1ms")
      #expect(gone.status == 404 && gone.headers["Connection"] == ["close"])
      // The plane listens for IPv4 only.
      _ = try await plane.client.create(
        instanceDocument(testID(2), "h2", "fd00::2"), kind: .instance)
      let raw = try await plane.raw(.GET, "\(path)?wait=1ms")
      #expect(raw.status == 503)
      // The connection ends after a wait; who is not told would ask again on it.
      #expect(raw.headers["Connection"] == ["close"])
      #expect(raw.json["ready"] == false)
      #expect(raw.json["problems"]?.array?.first?.string?.hasPrefix("fd00::2: no IPv6") == true)
      try conforms(raw.json, to: "Readiness")
    }
  }

  @Test(
    "a wait that is no time, or longer than may be, is refused",
    arguments: ["x", "-1s", "301s", "1y"])
  func badWaits(_ wait: String) async throws {
    try await withPlane { plane in
      let path = "/v1/instances/\(testID(1))/readiness?wait=\(wait)"
      let status = try await plane.raw(.GET, path).status
      #expect(status == 400)
    }
  }

  @Test(
    "times are read as people write them",
    arguments: [
      ("30s", Duration.seconds(30)), ("7", .seconds(7)), ("500ms", .milliseconds(500)),
      ("2m", .seconds(120)), ("1h", .seconds(3600)), ("7d", .seconds(604_800)), ("", nil),
      ("s", nil), ("1.5s", nil), ("-1s", nil), ("1w", nil), ("99999999999999999999", nil),
      ("99999999999d", nil),
    ])
  func durations(_ text: String, _ duration: Duration?) {
    #expect(DurationText.parse(text) == duration)
  }
}

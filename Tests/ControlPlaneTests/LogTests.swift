import ControlServer
import Inventory
import Logging
import NIOHTTP1
import TestKit
import Testing

@testable import ControlClient

@Suite("What the operators' side logs")
struct LogTests {
  @Test("a daemon that still reads its store logs no error, however often it is asked")
  func loading() async throws {
    let log = LogRecorder()
    var bounds = ControlBounds()
    bounds.loadingMilliseconds = 1
    try await withPlane(isLoaded: false, bounds: bounds, log: log) { plane in
      for _ in 0..<3 { #expect(try await plane.raw(.GET, "/v1/health").status == 503) }
      let list = try await plane.raw(.GET, "/v1/networks")
      #expect(list.status == 503 && list.headers["Retry-After"] == ["1"])
      #expect(try await plane.raw(.PUT, "/v1/networks/a", body: "{}").status == 503)
    }
    let answered = log.lines.filter { $0.metadata["status"] == "503" }
    #expect(answered.map(\.level) == [.debug, .debug, .debug, .debug, .info])
    #expect(log.lines.allSatisfy { $0.level < .warning })
  }

  @Test("a guest that is not ready yet is no error, however often it is asked for")
  func unready() async throws {
    let log = LogRecorder()
    try await withPlane(log: log) { plane in
      // The plane listens for IPv4 only.
      _ = try await plane.client.create(
        instanceDocument(testID(1), "a", "fd00::1"), kind: .instance)
      #expect(try await plane.raw(.GET, "/v1/instances/\(testID(1))/readiness").status == 503)
    }
    #expect(log.lines.allSatisfy { $0.level < .warning })
  }

  @Test("a store that refuses a write is an error")
  func fault() async throws {
    let log = LogRecorder()
    try await withPlane(log: log) { plane in
      plane.store.fail(with: .unavailable("locked"))
      let document = #"{"kind": "Network", "id": "a"}"#
      let answer = try await plane.raw(.PUT, "/v1/networks/a", body: document)
      #expect(answer.status == 503)
    }
    #expect(log.lines.filter { $0.level == .error }.map { $0.metadata["status"] } == ["503"])
  }
}

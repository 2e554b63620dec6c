import AsyncHTTPClient
import ControlAPI
import ControlServer
import Dialects
import Glibc
import Inventory
import Logging
import MetadataService
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import ControlClient

/// A whole control plane on a real socket, with a store in memory.
struct Plane: Sendable {
  let store: MemoryStore
  let service: MetadataService
  let client: ControlClient
  let socketPath: String
  let shutDown: @Sendable () async -> Void

  /// What the daemon says that it listens on.
  static let listeners = [
    ListenerState(address: .v4(0), port: 8775),
    ListenerState(
      address: .v4(0xA9FE_A9FE), port: 80, device: "br0", namespace: "ns-a", network: .default,
      problem: "there is no interface 'br0'"),
  ]

  /// What the daemon says that guests ask.
  static let load = LoadForm(
    numbers: Dictionary(uniqueKeysWithValues: LoadForm.Number.allCases.map { ($0, 7) }),
    answers: [LoadForm.Answers(dialect: "ec2", status: "2xx", count: 41)],
    refusals: ["not-found": 3],
    latencies: [Latencies.Step(nanoseconds: 30_000, count: 40)],
    waits: [Latencies.Step(nanoseconds: 1_000_000, count: 1)],
    guests: [
      LoadForm.Guest(
        address: .v4(0x0A00_0005), network: .default, instance: testID(1), hostname: "h1",
        requests: 40, refused: 1, sentBytes: 1000),
      LoadForm.Guest(
        address: .v4(0x0A00_0006), network: nil, instance: nil, hostname: nil, requests: 2,
        refused: 2, sentBytes: 10),
    ])

  /// An answer as it came.
  struct Raw {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  func raw(
    _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [], body: String? = nil
  ) async throws -> Raw {
    var request = HTTPClientRequest(
      url: "http+unix://\(PercentCoding.encode(socketPath))\(path)")
    request.method = method
    request.headers = HTTPHeaders(headers)
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await client.transport.client.execute(request, deadline: .distantFuture)
    let buffer = try await response.body.collect(upTo: 64 * 1024 * 1024)
    return Raw(
      status: Int(response.status.code), headers: response.headers,
      body: Array(buffer.readableBytesView))
  }
}

/// Runs a control plane for the length of `body`.
func withPlane(
  isLoaded: Bool = true, network: ControlNetwork? = nil, bounds: ControlBounds = ControlBounds(),
  log: LogRecorder = LogRecorder(),
  _ body: @Sendable @escaping (Plane) async throws -> Void
) async throws {
  let directory = try TemporaryDirectory()
  defer { directory.remove() }
  let store = MemoryStore(isStrict: true)
  let catalog = LiveCatalog()
  if isLoaded { catalog.replace(with: Catalog(try await store.load())) }
  let service = MetadataService(
    catalog: catalog, store: store, settings: RenderSettings(),
    environment: .init(
      now: { 1_700_000_000 }, randomBytes: { Array(repeating: 7, count: $0) },
      sleep: { try await Task.sleep(for: $0) }, refused: { _, _ in }))
  let (listening, opened) = AsyncStream.makeStream(of: Void.self)
  let path = directory.socket
  let server = ControlServer(
    service: service, store: store, socketPath: path, allowedUIDs: [],
    network: network,
    logger: Logger(label: "test", factory: { _ in log }),
    now: { 1_700_000_000 },
    newID: { randomID() },
    randomBytes: { count in (0..<count).map { _ in .random(in: 0...255) } },
    status: { ["version": "test", "status": "lies"] },
    listeners: { Plane.listeners },
    telemetry: ControlTelemetry(
      registry: service.counters.registry, families: { service.counters.registry.families },
      load: { Plane.load }),
    bounds: bounds,
    onListening: { opened.finish() })
  let group = ServiceGroup(
    configuration: .init(services: [.init(service: server)], logger: Logger(label: "test")))
  let changes = try await store.changes(after: 1)
  let plane = Plane(
    store: store, service: service, client: ControlClient(socketPath: path), socketPath: path,
    shutDown: { await group.triggerGracefulShutdown() })
  try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask { for await batch in changes { catalog.apply(batch) } }
    tasks.addTask {
      defer { opened.finish() }
      try await group.run()
    }
    for await _ in listening {}
    do {
      try await body(plane)
    } catch {
      await end(plane)
      throw error
    }
    await end(plane)
    // The server has ended once its task has; the feed of changes never does by itself.
    for try await _ in tasks { break }
    tasks.cancelAll()
  }
}

private func end(_ plane: Plane) async {
  await plane.client.shutdown()
  await plane.shutDown()
}

func randomID() -> InstanceID {
  var generator = SystemRandomNumberGenerator()
  return .random(using: &generator)
}

/// A directory for one test; remove it at the end.
struct TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/nameplate-XXXXXX".utf8CString)
    try #require(unsafe mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Where a test puts its socket.
  var socket: String { "\(path)/control.sock" }

  func remove() {
    unsafe unlink(socket)
    #expect(unsafe rmdir(path) == 0)
  }
}

/// An instance document with one address.
func instanceDocument(
  _ id: InstanceID?, _ hostname: String, _ address: String, _ more: [(String, JSONValue)] = []
) -> JSONValue {
  var members: [(String, JSONValue)] = [("kind", "Instance")]
  if let id { members.append(("id", .string(id.description))) }
  members.append(("hostname", .string(hostname)))
  members.append(("interfaces", [["address": .string(address)]]))
  return .object(members + more)
}

/// The n-th of a row of ids.
func testID(_ number: Int) -> InstanceID {
  InstanceID(upper: 0x4000, lower: 2 << 62 | UInt64(number))
}

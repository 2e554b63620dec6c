import Glibc
import Inventory
import Logging
import MetadataService
import Synchronization
import Telemetry
import Testing

@testable import GuestServer

@Suite("Listeners", .timeLimit(.minutes(1)))
struct ListenerTests {
  static let loopback = IPAddress.v4(0x7F00_0001)

  @Test("each listener stamps its connections with its network")
  func networks() async throws {
    let listeners = ["a", "b"].map {
      ListenerConfiguration(address: Self.loopback, port: 0, network: NetworkID($0))
    }
    try await RunningServer.with(listeners: listeners) { server in
      try await server.store.declare(1, address: "127.0.0.1", network: "b")
      for (port, status) in zip(server.ports, [404, 200]) {
        let client = try await GuestClient.connect(to: port)
        #expect(try await client.get(GuestServerTests.identity).status == status)
      }
    }
  }

  @Test("IPv6 guests are known by their address, on a listener that takes no IPv4")
  func ipv6() async throws {
    let listeners = [ListenerConfiguration(address: .v6(0, 0), port: 0)]
    try await RunningServer.with(listeners: listeners) { server in
      try await server.store.declare(1, address: "::1")
      let client = try await GuestClient.connect(to: server.port, at: "::1")
      #expect(try await client.get(GuestServerTests.identity).status == 200)
      // Where nobody else listens: another's listener may have the port of 127.0.0.1.
      await #expect(throws: (any Error).self) {
        try await GuestClient.connect(to: server.port, at: "127.83.0.7")
      }
    }
  }

  @Test("a listener takes only what comes in by its device")
  func device() async throws {
    let listeners = [ListenerConfiguration(address: Self.loopback, port: 0, device: "lo")]
    try await RunningServer.with(listeners: listeners) { server in
      let client = try await server.connect()
      #expect(try await client.get("/").status == 404)
    }
  }

  @Test("a socket that was handed over is served")
  func handedOver() async throws {
    // Listening without an address, a socket gets a port at every address.
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #expect(listen(descriptor, 1) == 0)
    let listeners = [
      ListenerConfiguration(address: .v4(0), port: 0, fileDescriptor: descriptor)
    ]
    try await RunningServer.with(listeners: listeners) { server in
      #expect(server.port > 0)
      let client = try await server.connect()
      #expect(try await client.get("/").status == 404)
    }
  }

  @Test("guests that come at once are all heard, in their order, and what they wait is counted")
  func crowd() async throws {
    let socket = try ListeningSocket(backlog: 200)
    let paths = (0..<100).map { "/\($0)" }
    var clients: [GuestClient] = []
    for path in paths {
      let client = try await GuestClient.connect(to: socket.port)
      try await client.send(head("GET \(path) HTTP/1.1"))
      clients.append(client)
    }
    let (heard, hearing) = AsyncStream.makeStream(of: String.self)
    let (slow, nanoseconds) = (20, 20_000_000)
    try await RunningServer.with(
      limits: ConnectionLimits(connectionsPerGuest: 1000), rates: .unbounded, threads: 1,
      listeners: [socket.configuration(network: "a")],
      refused: { request, _ in
        let path = String(decoding: request.target, as: UTF8.self)
        hearing.yield(path)
        // One of them keeps the thread busy, and all behind it waiting.
        let end = LoopThread.nanoseconds() + nanoseconds
        while path == "/\(slow)", LoopThread.nanoseconds() < end {}
      },
      body: { server in
        for client in clients {
          let status = try await client.response().status
          #expect(status == 404)
        }
        let latencies = await server.loops.tally().answered.steps
        let late = latencies.filter { $0.nanoseconds >= nanoseconds }
        #expect(late.total >= paths.count - slow)
      })
    hearing.finish()
    #expect(await heard.reduce(into: [String]()) { $0.append($1) } == paths)
  }

  static let failures: [(CInt, AcceptFailure)] = [
    (EAGAIN, .empty), (ECONNABORTED, .passing), (EPROTO, .passing), (EPERM, .passing),
    (EMFILE, .exhausted(EMFILE)), (ENFILE, .exhausted(ENFILE)), (ENOMEM, .exhausted(ENOMEM)),
    (EINVAL, .gone),
  ]

  @Test("a failure to accept is told by its code", arguments: failures)
  func acceptFailure(_ code: CInt, _ expected: AcceptFailure) {
    #expect(AcceptFailure(code: code) == expected)
  }

  @Test("a listener that cannot accept says so once in a while, not each time")
  func cannotAccept() {
    let lines = LineCounter()
    let logger = Logger(label: "test") { _ in lines }
    let (service, _) = RunningServer.service(.never, AsyncStream<Void>.makeStream().continuation)
    let ledger = ConnectionLedger(limits: ConnectionLimits())
    let entrance = Entrance(
      id: ledger.addListener(), socket: -1,
      configuration: ListenerConfiguration(address: Self.loopback, port: 80), local: nil,
      links: nil,
      shared: SharedResources(
        service: service, pending: PendingAnswers(service: service, limit: 1),
        ledger: ledger,
        notes: RefusalNotes(logger: logger, counters: service.counters), timeouts: Timeouts()),
      logger: logger, onLost: {})
    for now in [0, 250, 9_999] { entrance.cannotAccept(EMFILE, now: now) }
    #expect(lines.count == 1)
    entrance.cannotAccept(ENFILE, now: 10_000)
    #expect(lines.count == 2)
  }

  @Test("a port in use is told with what to do about it")
  func portInUse() async throws {
    try await RunningServer.with { server in
      let error = await error(
        ListenerConfiguration(address: Self.loopback, port: server.port))
      #expect(error.hasPrefix("cannot listen at 127.0.0.1:\(server.port): port"))
      #expect(error.contains("is in use"))
    }
  }

  static let mistakes: [(ListenerConfiguration, String)] = [
    (
      ListenerConfiguration(address: .v4(0xC000_0201), port: 0),
      "cannot listen at 192.0.2.1:0: no interface of this host has the address"
    ),
    (
      ListenerConfiguration(address: loopback, port: 0, device: "no-such"),
      "cannot listen at 127.0.0.1:0 on no-such: there is no interface 'no-such'"
    ),
    (
      ListenerConfiguration(address: loopback, port: 0, device: "far-too-long-name"),
      "cannot listen at 127.0.0.1:0 on far-too-long-name: 'far-too-long-name' is no"
    ),
    (
      ListenerConfiguration(address: loopback, port: 70_000),
      "cannot listen at 127.0.0.1:70000: a port is a number"
    ),
    (
      ListenerConfiguration(address: .v6(0xFE80_0000_0000_0000, 0xA9FE_A9FE), port: 80),
      "cannot listen at [fe80::a9fe:a9fe]:80: a link-local address needs"
    ),
    (
      ListenerConfiguration(
        address: .v6(0xFE80_0000_0000_0000, 0xA9FE_A9FE), port: 80, zone: "none0"),
      "cannot listen at [fe80::a9fe:a9fe%none0]:80: there is no interface 'none0'"
    ),
    (
      ListenerConfiguration(address: loopback, port: 80, fileDescriptor: 9999),
      "cannot listen at 127.0.0.1:80: the socket that was handed over"
    ),
    (
      ListenerConfiguration(address: loopback, port: 80, fileDescriptor: 0),
      "cannot listen at 127.0.0.1:80: the socket that was handed over"
    ),
  ]

  @Test("a listener that cannot be opened says why", arguments: mistakes)
  func mistake(_ listener: ListenerConfiguration, _ expected: String) async {
    let error = await error(listener)
    #expect(error.hasPrefix(expected), "\(error)")
  }

  private func error(_ listener: ListenerConfiguration) async -> String {
    do {
      try await RunningServer.with(listeners: [listener]) { _ in }
      return ""
    } catch {
      return "\(error)"
    }
  }
}

/// Counts what is logged.
final class LineCounter: LogHandler {
  private let lines = Mutex(0)

  var count: Int { lines.withLock { $0 } }

  func log(event: LogEvent) { lines.withLock { $0 += 1 } }

  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
}

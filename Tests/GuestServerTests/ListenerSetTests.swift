import Dispatch
import Glibc
import Inventory
import Synchronization
import Testing

@testable import GuestServer

@Suite("Listeners that come and go", .timeLimit(.minutes(1)))
struct ListenerSetTests {
  @Test("a listener is added to a running server, with its network, and removed again")
  func addAndRemove() async throws {
    try await RunningServer.with { server in
      try await server.store.declare(1, address: "127.0.0.1", network: "b")
      let socket = try ListeningSocket()
      let id = try await server.listeners.add(socket.configuration(network: "b"))
      let guest = try await GuestClient.connect(to: socket.port)
      let bystander = try await server.connect()
      #expect(try await guest.get(GuestServerTests.identity).status == 200)
      await server.listeners.remove(id)
      #expect(await guest.isAtEnd())
      #expect(!socket.isOpen)
      await #expect(throws: (any Error).self) { try await GuestClient.connect(to: socket.port) }
      // Twice is once, and the other listener has not noticed.
      await server.listeners.remove(id)
      #expect(try await bystander.get(GuestServerTests.identity).status == 200)
    }
  }

  @Test("a request that is in flight when its listener is removed gets its answer, then the end")
  func inFlight() async throws {
    try await RunningServer.with(hold: .forever) { server in
      let socket = try ListeningSocket()
      let id = try await server.listeners.add(socket.configuration(network: "b"))
      let guest = try await GuestClient.connect(to: socket.port)
      try await guest.send("GET \(GuestServerTests.identity) HTTP/1.1\r\nHost: a\r\n\r\n")
      for await _ in server.held { break }
      async let removed: Void = server.listeners.remove(id)
      // The socket goes first; the guest is answered after that.
      while socket.isOpen { await Task.yield() }
      try await server.store.declare(1, address: "127.0.0.1", network: "b")
      #expect(try await guest.response().status == 200)
      #expect(await guest.isAtEnd())
      await guest.close()
      await removed
    }
  }

  @Test("whoever has been accepted and not heard yet when a listener is removed is answered first")
  func crowd() async throws {
    try await RunningServer.with(threads: 1) { server in
      try await server.store.declare(1, address: "127.0.0.1")
      let thread = try #require(server.loops.all.first)
      let release = DispatchSemaphore(value: 0)
      // What comes meanwhile is there at once: more than are heard in a turn, and the end behind it.
      thread.execute { _, _ in release.wait() }
      var guests: [GuestClient] = []
      for _ in 0..<100 {
        let guest = try await server.connect()
        try await guest.send(
          "GET \(GuestServerTests.identity) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n")
        guests.append(guest)
      }
      // The poll may tell of a job before it tells of them, and of one that a job gives only after.
      thread.execute { [thread] _, _ in
        thread.execute { $0.drain(nil, isListenerGone: true, &$1) }
      }
      release.signal()
      for guest in guests {
        #expect(try await guest.response().status == 200)
        #expect(await guest.isAtEnd())
      }
    }
  }

  @Test("what gets no answer in time is closed with its listener")
  func late() async throws {
    try await RunningServer.with(hold: .forever, drainTimeout: .milliseconds(20)) { server in
      let socket = try ListeningSocket()
      let id = try await server.listeners.add(socket.configuration(network: "b"))
      let guest = try await GuestClient.connect(to: socket.port)
      try await guest.send("GET \(GuestServerTests.identity) HTTP/1.1\r\nHost: a\r\n\r\n")
      for await _ in server.held { break }
      await server.listeners.remove(id)
      #expect(await guest.isAtEnd())
      // Ends the hold, so that the server can end.
      try await server.store.declare(1, address: "127.0.0.1", network: "b")
    }
  }

  @Test("added listeners are drained with the server, and none is added afterwards")
  func shutdown() async throws {
    let first = try ListeningSocket()
    let second = try ListeningSocket()
    let (sets, set) = AsyncStream<ListenerSet>.makeStream()
    try await RunningServer.with(hold: .forever) { server in
      set.yield(server.listeners)
      _ = try await server.listeners.add(first.configuration(network: "b"))
      let guest = try await GuestClient.connect(to: first.port)
      try await guest.send("GET \(GuestServerTests.identity) HTTP/1.1\r\nHost: a\r\n\r\n")
      for await _ in server.held { break }
      await server.shutDown()
      while first.isOpen { await Task.yield() }
      try await server.store.declare(1, address: "127.0.0.1", network: "b")
      #expect(try await guest.response().status == 200)
      await guest.close()
    }
    for await listeners in sets {
      let error = await #expect(throws: ListenError.self) {
        _ = try await listeners.add(second.configuration(network: "b"))
      }
      #expect(error?.reason == "the server is ending")
      break
    }
    #expect(!second.isOpen)
  }

  @Test("a descriptor that cannot be served is closed")
  func notListening() async throws {
    try await RunningServer.with { server in
      let socket = try ListeningSocket(listens: false)
      await #expect(throws: ListenError.self) {
        _ = try await server.listeners.add(socket.configuration(network: "b"))
      }
      #expect(!socket.isOpen)
    }
  }

  @Test("a listener that closes by itself says so, and the server goes on")
  func lost() async throws {
    try await RunningServer.with { server in
      let socket = try ListeningSocket()
      let (losses, lost) = AsyncStream<Void>.makeStream()
      let id = try await server.listeners.add(socket.configuration(network: "b")) { lost.yield() }
      #expect(Glibc.shutdown(socket.descriptor, Int32(SHUT_RDWR)) == 0)
      for await _ in losses { break }
      await server.listeners.remove(id)
      let guest = try await server.connect()
      #expect(try await guest.get("/").status == 404)
    }
  }
}

/// A socket that listens on loopback, and its file's number, by which it is known from the next
/// file that gets its descriptor.
struct ListeningSocket {
  let descriptor: Int32
  let port: Int
  private let inode: UInt64

  struct Failed: Error {}

  init(listens: Bool = true, backlog: Int32 = 16) throws {
    let descriptor = socket(
      AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    // A socket that listens without an address gets a port at every address.
    var address = [UInt8](repeating: 0, count: 16)
    var length = socklen_t(address.count)
    let isNamed = unsafe address.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      return unsafe (!listens || listen(descriptor, backlog) == 0)
        && getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
    }
    guard isNamed, let inode = Self.inode(descriptor) else { throw Failed() }
    self.descriptor = descriptor
    // After the family, in network order.
    port = Int(address[2]) << 8 | Int(address[3])
    self.inode = inode
  }

  var isOpen: Bool { Self.inode(descriptor) == inode }

  func configuration(network: String) -> ListenerConfiguration {
    ListenerConfiguration(
      address: .v4(0x7F00_0001), port: port, network: NetworkID(network),
      fileDescriptor: descriptor)
  }

  private static func inode(_ descriptor: Int32) -> UInt64? {
    var info = stat()
    return unsafe fstat(descriptor, &info) == 0 ? UInt64(info.st_ino) : nil
  }
}

import ControlClient
import Glibc
import Inventory
import Testing

@testable import ControlServer

@Suite("The socket")
struct SocketTests {
  @Test("root, the daemon's user and those named may ask, nobody else")
  func peers() {
    let rule = PeerRule(ownUID: 900, allowedUIDs: [1000])
    for uid: UInt32 in [0, 900, 1000] { #expect(rule.allows(uid)) }
    for uid: UInt32? in [1, 901, 1001, .max, nil] { #expect(!rule.allows(uid)) }
  }

  @Test("the socket is for its owner and group, and goes away with the server")
  func mode() async throws {
    try await withPlane { plane in
      #expect(SocketFile.mode(plane.socketPath) == S_IFSOCK | 0o660)
      #expect(throws: SocketFileError.self) { try SocketFile(path: plane.socketPath) }
    }
  }

  @Test("a socket that a dead daemon left is replaced, a file of another kind is not")
  func stale() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = directory.socket
    try bindAndLeave(path)
    #expect(SocketProbe.connect(to: path) == ECONNREFUSED)
    let file = try SocketFile(path: path)
    try bindAndLeave(file.bindPath)
    try file.publish()
    #expect(SocketProbe.connect(to: path) == ECONNREFUSED)
    file.remove()
    #expect(SocketProbe.connect(to: path) == ENOENT)

    let descriptor = unsafe creat(path, 0o600)
    close(descriptor)
    #expect(throws: SocketFileError.self) { try SocketFile(path: path) }
  }

  @Test("another daemon's socket is not removed")
  func foreign() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = directory.socket
    let file = try SocketFile(path: path)
    try bindAndLeave(file.bindPath)
    try file.publish()
    // As another daemon does it: bound beside, then renamed over. Unlinked first, the new socket
    // could be given the old one's inode number.
    try bindAndLeave("\(path).new")
    #expect(unsafe rename("\(path).new", path) == 0)
    file.remove()
    #expect(SocketProbe.connect(to: path) == ECONNREFUSED)
  }

  @Test("a path that no socket can have is refused", arguments: ["", "/tmp/\u{0}x"])
  func badPaths(_ path: String) {
    #expect(throws: SocketFileError.self) { try SocketFile(path: path) }
    let long = "/tmp/" + String(repeating: "x", count: 103)
    #expect(throws: SocketFileError.self) { try SocketFile(path: long) }
  }

  @Test("a client without a daemon says so")
  func noDaemon() async throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = directory.socket
    for _ in 0..<2 {
      await #expect(throws: ControlClientError.noDaemon(path: path)) {
        try await ControlClient.withConnection(to: path) { client in
          _ = try await client.health()
        }
      }
      if SocketProbe.connect(to: path) == ENOENT { try bindAndLeave(path) }
    }
  }

  /// Binds a socket that nobody listens on.
  private func bindAndLeave(_ path: String) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
      unsafe room.copyBytes(from: path.utf8)
    }
    let result = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }
}

import Foundation
import TestKit
import Testing

@Suite("The limit on open files", .timeLimit(.minutes(3)))
struct OpenFileTests {
  private func openFiles(_ daemon: DaemonProcess) throws -> Int {
    try FileManager.default
      .contentsOfDirectory(atPath: "/proc/\(daemon.processIdentifier)/fd").count
  }

  @Test("where it is low, guests leave operators and the store their part, and the log says so")
  func reserve() async throws {
    let daemon = try await DaemonProcess(
      prefix: ["sh", "-c", "ulimit -n 256; exec \"$@\"", "sh"],
      manifest: HostileGuestTests.manifest)
    defer { daemon.stop() }
    let log = await daemon.log(until: "limit on open files is too low")
    #expect(log.contains("possible=128"), "\(log)")
    let enemies = try [HostileGuestTests.enemy, HostileGuestTests.stranger].map {
      try HostileGuest("connections", against: daemon, from: $0)
    }
    defer { for enemy in enemies { enemy.stop() } }
    for enemy in enemies { #expect(await enemy.isAttacking()) }
    for number in 0..<5 {
      let path = "/latest/meta-data/hostname"
      #expect(try await daemon.curl(path, from: HostileGuestTests.polite) == "guest-1")
      let changed = HostileGuestTests.manifest.replacing(
        "hostname: guest-2", with: "hostname: guest-2\(number)")
      #expect(try await daemon.command("apply", "-f", "-", input: changed).status == 0)
      #expect(try openFiles(daemon) < 256)
    }
    #expect(!(await daemon.log(until: "limit on open files")).contains("cannot accept"))
  }

  @Test("out of descriptors it stops accepting, serves who is there, says so once, and goes on")
  func exhausted() async throws {
    let daemon = try await DaemonProcess(manifest: HostileGuestTests.manifest)
    defer { daemon.stop() }
    let guest = try KeptConnection(port: daemon.port, source: HostileGuestTests.polite)
    defer { guest.close() }
    #expect(try guest.get("/latest/meta-data/hostname").hasSuffix("guest-1"))
    // Numbers between open files may be free: with a limit of one, none is.
    try await limit(daemon, to: 1)
    let url = "http://127.0.0.1:\(daemon.port)/latest/meta-data/hostname"
    async let late = Program.tool(
      "curl", "-sf", "--max-time", "60", "--interface", HostileGuestTests.polite, url)
    _ = await daemon.log(until: "cannot accept connections; raise the limit on open files")
    for _ in 0..<20 {
      #expect(try guest.get("/latest/meta-data/hostname").hasSuffix("guest-1"))
    }
    try await limit(daemon, to: 4096)
    #expect(try await late == "guest-1")
    #expect(try await daemon.command("status").status == 0)
    let log = await daemon.log(until: "cannot accept")
    #expect(log.ranges(of: "cannot accept").count == 1, "\(log)")
  }

  private func limit(_ daemon: DaemonProcess, to files: Int) async throws {
    try await Program.tool("prlimit", "--pid", "\(daemon.processIdentifier)", "--nofile=\(files):")
  }
}

/// A connection that is kept, for a test that asks on it again and again.
struct KeptConnection {
  private let descriptor: Int32

  init(port: Int, source: String) throws {
    descriptor = try SocketAddress.connected(to: port, from: source)
  }

  /// Asks and returns all of the answer, which must fit into one read.
  func get(_ path: String) throws -> String {
    let request = Array("GET \(path) HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n".utf8)
    var answer = [UInt8](repeating: 0, count: 65_536)
    guard unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
    else { throw Program.Failed(text: "the connection is closed") }
    let count = unsafe recv(descriptor, &answer, answer.count, 0)
    guard count > 0 else { throw Program.Failed(text: "there is no answer") }
    return String(decoding: answer[..<count], as: UTF8.self)
  }

  func close() { Glibc.close(descriptor) }
}

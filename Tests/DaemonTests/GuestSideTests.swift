import ControlAPI
import ControlClient
import Foundation
import Glibc
import Inventory
import TestKit
import Testing

@Suite("The guests' side and the operators'")
struct GuestSideTests {
  /// What a guest sends, and the first words of what it may get: a guest's answer, or none.
  struct Attempt: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    var testDescription: String { name }
  }

  /// Every control route asked as it stands, with a guest's usual headers and an operator's.
  static func attempts(token: String) -> [Attempt] {
    let id = DaemonTests.id
    var attempts: [Attempt] = []
    for route in RouteTable.all {
      let path = route.path.replacing("{id}", with: id).replacing("{key}", with: "k")
        .replacing("{name}", with: "ci").replacing("{address}", with: "127.0.0.1")
        .replacing("{nonce}", with: String(repeating: "0", count: 32))
      for target in [path, "https://localhost:8776\(path)", "http+unix://%2Fc.sock\(path)"] {
        let body = route.method == "GET" ? "" : "{}"
        attempts.append(
          Attempt(
            name: "\(route.method) \(target)",
            bytes: Array(
              """
              \(route.method) \(target) HTTP/1.1\r
              Host: nameplate\r
              Authorization: Bearer \(token)\r
              Content-Length: \(body.utf8.count)\r
              Connection: close\r
              \r
              \(body)
              """.utf8)))
      }
    }
    let upgrades = [
      "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
      "Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
      "X-Original-URL: /v1/instances\r\nX-HTTP-Method-Override: DELETE\r\n",
    ]
    for headers in upgrades {
      let request =
        "GET /v1/instances HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
        + "\(headers)\r\n"
      attempts.append(Attempt(name: headers, bytes: Array(request.utf8)))
    }
    let raw: [(String, [UInt8])] = [
      (
        "an HTTP/2 preface",
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
      ),
      ("a TLS ClientHello", [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3]),
      ("CONNECT", Array("CONNECT localhost:8776 HTTP/1.1\r\nHost: localhost:8776\r\n\r\n".utf8)),
    ]
    return attempts + raw.map { Attempt(name: $0.0, bytes: $0.1) }
  }

  @Test("no byte of a guest's reaches the control API, whatever it asks and as whom")
  func isolated() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let token = try await remote.access("ci", "--role", "admin")
    let before = try await State(remote)
    for attempt in Self.attempts(token: token) {
      let answer = try await GuestBytes.ask(attempt.bytes, port: remote.daemon.port)
      let text = String(decoding: answer, as: UTF8.self)
      // A guest's answer is never JSON about the inventory, a problem, or a control status.
      for word in ["problem+json", "revision", "Bearer", "WWW-Authenticate", "npt_", "\"items\""] {
        #expect(!text.contains(word), "\(attempt.name): \(text)")
      }
      #expect(
        text.isEmpty
          || ["400", "404", "405", "501", "505", "403"].contains { text.contains(" \($0) ") },
        "\(attempt.name): \(text)")
    }
    let tls = try await ChildProcess.run([
      "curl", "-sk", "--max-time", "20", "https://127.0.0.1:\(remote.daemon.port)/v1/health",
    ])
    #expect(tls.status != 0 && tls.out.isEmpty)
    #expect(try await State(remote) == before)
  }

  @Test("guests' paths are nothing on the control side, on the socket and on the network")
  func otherWay() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let token = try await remote.access("ci", "--role", "admin")
    let paths = [
      "/", "/latest/meta-data/", "/openstack/latest/meta_data.json", "/latest/api/token",
    ]
    for path in paths {
      let network = try await remote.curl("-H", "Authorization: Bearer \(token)", path: path)
      #expect(network.out == "404", "\(path)")
      let socket = try await ChildProcess.run([
        "curl", "-s", "--max-time", "20", "--unix-socket", remote.daemon.socket, "-w",
        "%{http_code}", "-o", "/dev/null", "http://x\(path)",
      ])
      #expect(socket.out == "404", "\(path)")
    }
  }

  /// What control operations would have changed.
  struct State: Equatable {
    var revision: JSONValue?
    var audit: [AuditEntry]
    var access: [JSONValue]

    init(_ remote: RemoteFixture) async throws {
      (revision, audit, access) = try await ControlClient.withConnection(
        to: remote.daemon.socket
      ) { client in
        let revision = try await client.health().value["revision"]
        let audit = try await client.audit(AuditQuery(limit: 1000))
        return (revision, audit, try await client.access())
      }
    }
  }
}

@Suite("The audit log of a daemon")
struct DaemonAuditTests {
  @Test("each revision has its lines in a daemon that was killed, and no line has another one")
  func killed() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    for round in 0..<6 {
      _ = await DaemonTests.writeUntilKilled(daemon, round: round)
      await daemon.ended()
      try await daemon.start()
    }
    let (records, entries) = try await ControlClient.withConnection(to: daemon.socket) { client in
      (
        try await client.listAll(.instance), try await client.audit(AuditQuery(limit: 1000))
      )
    }
    let written = Dictionary(
      uniqueKeysWithValues: records.map { ($0.resource.id.text, $0.revision) })
    let noted = Dictionary(
      uniqueKeysWithValues: entries.compactMap { entry in
        entry.subject.map { ($0.id, entry.after ?? 0) }
      })
    #expect(written == noted)
    #expect(!written.isEmpty)
    #expect(entries.allSatisfy { $0.author == Author(.user, "0", peer: $0.author.peer) })
  }

  @Test("who wrote what is told: users, tokens, guests, and what was refused")
  func told() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    try await remote.access("reader", "--role", "reader")
    try await remote.access("writer", "--role", "operator")
    let id = DaemonTests.id
    let delete = ["delete", "instance", id]
    #expect(try await remote.command(delete, token: "reader").status == 1)
    let set = ["instance", "metadata", "set", id, "a=b"]
    #expect(try await remote.command(set, token: "writer").status == 0)
    _ = try await Program.tool(
      "curl", "-sf", "-d", "SECRET",
      "http://127.0.0.1:\(remote.daemon.port)/openstack/latest/password")
    #expect(try await remote.daemon.command("delete", "instance", id).status == 0)
    let listed = try await remote.daemon.command(
      "audit", "list", "--resource", "instances/\(id)", "--output", "json")
    #expect(!listed.out.contains("SECRET") && !listed.out.contains("npt_"))
    let lines = try #require(try JSONValue(parsing: Array(listed.out.utf8)).array)
    let told = lines.map { line in
      ["by", "name", "operation", "outcome"].map { line[$0]?.string ?? "" }.joined(separator: " ")
    }
    #expect(
      told == [
        "daemon serve --apply apply created",
        "token reader deleteResource refused: forbidden",
        "token writer patchMetadata updated", "guest \(id) postPassword updated",
        "user 0 deleteResource deleted",
      ])
    let table = try await remote.daemon.command("audit", "list")
    #expect(table.out.contains("access/writer"))
    let follower = try await remote.command(["audit", "list"], token: "writer")
    #expect(follower.status == 1 && follower.error.contains("role admin"), "\(follower.error)")
  }
}

/// A guest that sends bytes and reads what comes until the other side closes.
enum GuestBytes {
  static func ask(_ bytes: [UInt8], port: Int) async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try exchange(bytes, port) })
      }
    }
  }

  private static func exchange(_ bytes: [UInt8], _ port: Int) throws -> [UInt8] {
    let descriptor = try SocketAddress.connected(to: port)
    defer { close(descriptor) }
    _ = unsafe send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    // The end of the input: nothing more is waited for on either side.
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return answer }
      answer += buffer[..<count]
    }
  }
}

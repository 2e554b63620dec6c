import ControlClient
import Foundation
import Glibc
import TestKit
import Testing

/// A daemon with a control listener, and an authority that issued its certificate.
final class RemoteFixture {
  let daemon: DaemonProcess
  let folder: String
  let port: Int
  let authority: TestAuthority
  var url: String { "https://localhost:\(port)" }

  /// - Parameters:
  ///   - name: The host that the certificate is for.
  ///   - validity: When it is valid, in seconds from now.
  init(
    name: String = "localhost", validity: ClosedRange<Double> = -3600...3600,
    manifest: String? = DaemonTests.manifest, prefix: [String] = []
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    authority = try TestAuthority()
    try authority.issue(
      "server", into: folder, for: .server, hosts: [name],
      addresses: name == "localhost" ? [[127, 0, 0, 1]] : [], validity: validity)
    try Data(try authority.pem.utf8).write(to: URL(fileURLWithPath: "\(folder)/ca.pem"))
    port = try FreePort.find()
    daemon = try await DaemonProcess(
      prefix: prefix, manifest: manifest,
      options: [
        "--control-listen", "127.0.0.1:\(port)",
        "--control-tls-certificate-file", "\(folder)/server.pem",
        "--control-tls-key-file", "\(folder)/server.key",
        "--control-tls-client-ca-file", "\(folder)/ca.pem",
      ])
  }

  func stop() {
    daemon.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Creates an access over the socket; its token is in `NAME.token`.
  @discardableResult
  func access(_ name: String, _ words: String...) async throws -> String {
    let made = try await Program.run(
      ["access", "create", name, "--socket", daemon.socket] + words)
    guard made.status == 0 else { throw Program.Failed(text: made.error) }
    try Data(made.out.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).token"))
    return String(made.out.dropLast())
  }

  /// Runs a command over the network.
  func command(
    _ words: [String], token: String? = nil, certificate: String? = nil, ca: String = "ca.pem",
    url: String? = nil, input: String? = nil
  ) async throws -> Program.Output {
    var all = words + ["--server", url ?? self.url, "--ca", "\(folder)/\(ca)"]
    if let token { all += ["--token-file", "\(folder)/\(token).token"] }
    if let certificate {
      all += ["--certificate", "\(folder)/\(certificate).pem"]
      all += ["--key", "\(folder)/\(certificate).key"]
    }
    return try await Program.run(all, input: input)
  }

  /// What openssl gets for a GET of the health, and what it says of the handshake.
  func openssl(_ words: String...) async throws -> ChildProcess.Output {
    try await ChildProcess.run(
      [
        "timeout", "20", "openssl", "s_client", "-quiet", "-connect",
        "127.0.0.1:\(port)", "-CAfile", "\(folder)/ca.pem", "-verify_return_error",
      ] + words,
      input: "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
  }

  func curl(_ words: String..., path: String = "/v1/health") async throws -> ChildProcess.Output {
    try await ChildProcess.run(
      [
        "curl", "-s", "--max-time", "20", "--cacert", "\(folder)/ca.pem", "-w", "%{http_code}",
        "-o", "/dev/null",
      ] + words + [url + path])
  }
}

@Suite("The control listener")
struct ControlListenerTests {
  @Test("TLS 1.3 is spoken, and nothing older, and not HTTP in the clear")
  func versions() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    #expect(try await remote.curl("--tlsv1.3").out == "401")
    let old = try await remote.curl("--tls-max", "1.2")
    #expect(old.out == "000" && old.status == 35, "\(old)")
    for version in ["-tls1_1", "-tls1_2"] {
      let answer = try await remote.openssl(version)
      #expect(!answer.out.contains("HTTP/"), "\(version): \(answer.out)")
      #expect(answer.status != 0)
    }
    let clear = try await ChildProcess.run([
      "curl", "-s", "--max-time", "20", "--http0.9", "http://127.0.0.1:\(remote.port)/v1/health",
    ])
    #expect(!clear.out.contains("HTTP") && !clear.out.contains("{"), "\(clear.out)")
  }

  @Test("a token is right, wrong, revoked or has ended")
  func tokens() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let token = try await remote.access("ci", "--role", "operator", "--expires", "30d")
    #expect(token.hasPrefix("npt_") && token.utf8.count == 47)
    let list = ["list", "instances"]
    let answered = try await remote.command(list, token: "ci")
    #expect(answered.status == 0 && answered.out.contains("demo"), "\(answered.error)")
    let stored = try await Program.run(
      "/bin/grep", ["-rc", token, "\(remote.daemon.folder)/state"])
    #expect(stored.status == 1, "the token is on disk")
    #expect(try await remote.daemon.command("access", "list").out.contains("ci"))
    try Data("npt_\(String(repeating: "A", count: 43))".utf8)
      .write(to: URL(fileURLWithPath: "\(remote.folder)/wrong.token"))
    let wrong = try await remote.command(list, token: "wrong")
    #expect(wrong.status == 1 && wrong.error.contains("not known here"), "\(wrong.error)")
    #expect(try await remote.daemon.command("access", "revoke", "ci").status == 0)
    let revoked = try await remote.command(list, token: "ci")
    #expect(revoked.status == 1 && revoked.error.contains("revoked"), "\(revoked.error)")
    #expect(try await remote.command(list).status == 1)
  }

  @Test("a client's certificate is right, another's, or has ended; it is known by its names alone")
  func certificates() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let folder = remote.folder
    try remote.authority.issue("alice", into: folder, for: .client, uris: ["spiffe://x/alice"])
    try remote.authority.issue("bob", into: folder, for: .client)
    try remote.authority.issue("carol", into: folder, for: .server)
    try remote.authority.issue("late", into: folder, for: .client, validity: -7200...(-3600))
    try TestAuthority("test authority").issue("mallory", into: folder, for: .client)
    for (name, subject) in [
      ("alice", "URI:spiffe://x/alice"), ("late", "CN:late"), ("mallory", "CN:mallory"),
    ] {
      _ = try await remote.daemon.command(
        "access", "create", name, "--role", "admin", "--certificate-subject", subject)
    }
    let list = ["audit", "list"]
    let alice = try await remote.command(list, certificate: "alice")
    #expect(alice.status == 0, "\(alice.error)")
    let bob = try await remote.command(list, certificate: "bob")
    #expect(bob.status == 1 && bob.error.contains("gives no access"), "\(bob.error)")
    for name in ["late", "mallory", "carol"] {
      let refused = try await remote.command(list, certificate: name)
      #expect(refused.status == 1 && !refused.error.contains("access"), "\(name): \(refused.error)")
      let handshake = try await remote.openssl(
        "-cert", "\(folder)/\(name).pem", "-key", "\(folder)/\(name).key")
      #expect(!handshake.out.contains("HTTP/"), "\(name): \(handshake.out)")
    }
    let good = try await remote.openssl(
      "-cert", "\(folder)/alice.pem", "-key", "\(folder)/alice.key")
    #expect(good.out.contains("HTTP/1.1 200"), "\(good)")
    #expect(try await remote.daemon.command("access", "revoke", "alice").status == 0)
    #expect(try await remote.command(list, certificate: "alice").status == 1)
  }

  @Test("a command says what is wrong with a server, and that nobody is there")
  func errors() async throws {
    let remote = try await RemoteFixture(name: "other.example")
    defer { remote.stop() }
    let other = try await remote.command(["status"])
    #expect(other.status == 1 && other.error.contains("for other names"), "\(other.error)")
    try Data(try TestAuthority("another").pem.utf8)
      .write(to: URL(fileURLWithPath: "\(remote.folder)/other.pem"))
    let unknown = try await remote.command(["status"], ca: "other.pem")
    #expect(unknown.status == 1 && unknown.error.contains("issuer"), "\(unknown.error)")
    let nobody = try await remote.command(
      ["status"], url: "https://localhost:\(try FreePort.find())")
    #expect(nobody.status == 3, "\(nobody.error)")
    let nowhere = try await remote.command(["status"], url: "https://nowhere.invalid:8776")
    #expect(nowhere.status == 3, "\(nowhere.error)")
    for url in ["http://localhost:1", "localhost", "https://", "https://a b", "https://a:0"] {
      #expect(try await remote.command(["status"], url: url).status == 2, "\(url)")
    }
    let ended = try await RemoteFixture(validity: -7200...(-60))
    defer { ended.stop() }
    let late = try await ended.command(["status"])
    #expect(late.status == 1 && late.error.contains("ended at"), "\(late.error)")
  }

  @Test("a renewed certificate is served from the next connection on, a broken one is not")
  func renewal() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    try await remote.access("r", "--role", "reader")
    let certificate = URL(fileURLWithPath: "\(remote.folder)/server.pem")
    try Data("broken".utf8).write(to: certificate, options: .atomic)
    #expect(try await remote.command(["status"], token: "r").status == 0)
    let renewed = try TestAuthority("renewed")
    try renewed.issue("server", into: remote.folder, for: .server)
    try Data(try renewed.pem.utf8).write(to: URL(fileURLWithPath: "\(remote.folder)/new.pem"))
    #expect(try await remote.command(["status"], token: "r", ca: "new.pem").status == 0)
    #expect(try await remote.command(["status"], token: "r").status == 1)
  }

  @Test("wrong tokens are answered slower and slower, a right certificate is not")
  func throttle() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    try remote.authority.issue("alice", into: remote.folder, for: .client)
    _ = try await remote.daemon.command(
      "access", "create", "alice", "--role", "reader", "--certificate-subject", "CN:alice")
    var answers: [String] = []
    for _ in 0..<30 where answers.last != "429" {
      answers.append(try await remote.curl("-H", "Authorization: Bearer npt_wrong").out)
    }
    #expect(answers.first == "401" && answers.last == "429", "\(answers)")
    let alice = try await remote.command(["status"], certificate: "alice")
    #expect(alice.status == 0, "\(alice.error)")
  }

  @Test("connections beyond an address's share are closed, and closed ones make room")
  func places() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    var open = try (0..<128).map { _ in try SocketAddress.connected(to: remote.port) }
    #expect(try await remote.curl().out == "000")
    for descriptor in open { close(descriptor) }
    open = []
    // The daemon hears of it a moment after we do.
    var answer = ""
    while answer != "401" { answer = try await remote.curl().out }
  }

  static let refusals: [([String], String)] = [
    ([], "control_tls_certificate_file"),
    (["--control-tls-certificate-file", "/nonexistent"], "control_tls_key_file"),
    (
      ["--control-tls-certificate-file", "/nonexistent", "--control-tls-key-file", "/nonexistent"],
      "/nonexistent cannot be read"
    ),
    (
      ["--control-tls-certificate-file", "/etc/hostname", "--control-tls-key-file", "/dev/null"],
      "must hold a certificate"
    ),
  ]

  @Test(
    "without a certificate and its key it does not start, and says what to do", arguments: refusals)
  func refusal(_ options: [String], _ text: String) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/np-\(UUID())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let output = try await Program.run(
      [
        "serve", "--state-directory", folder, "--control-socket", "\(folder)/c.sock",
        "--metadata-listen", "127.0.0.1", "--metadata-port", "\(try FreePort.find())",
        "--control-listen", "127.0.0.1:\(try FreePort.find())",
      ] + options)
    #expect(output.status == 1 && output.error.contains(text), "\(output.error)")
  }
}

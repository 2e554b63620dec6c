import Foundation
import TestKit
import Testing

@Suite("Beside a hostile guest", .serialized, .timeLimit(.minutes(5)))
struct HostileGuestTests {
  static let polite = "127.0.0.11"
  static let enemy = "127.0.0.66"
  static let stranger = "127.0.0.67"
  static let manifest = [(1, polite), (2, enemy)].map { number, address in
    """
    kind: Instance
    id: 00000000-0000-4000-8000-00000000000\(number)
    hostname: guest-\(number)
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\(number) alice@laptop"]
    userData: |
      #cloud-config
      # \(String(repeating: "\(number)", count: 40_000))
    interfaces:
    - address: \(address)

    """
  }.joined(separator: "---\n")

  /// What a boot reads that is the same each time.
  static let paths = [
    "/openstack", "/openstack/latest/user_data", "/openstack/latest/network_data.json",
    "/latest/meta-data/", "/latest/meta-data/hostname", "/latest/meta-data/instance-id",
    "/latest/meta-data/local-ipv4", "/latest/meta-data/public-keys/0/openssh-key",
    "/latest/user-data", "/latest/dynamic/instance-identity/document",
  ]

  /// Reads all that a boot reads, each on a connection of its own; fails where an answer is no 200.
  private func boot(_ daemon: DaemonProcess) async throws -> String {
    var words = ["curl", "-sf", "--max-time", "60", "--interface", Self.polite]
    words += ["-H", "Connection: close", "--fail-early"]
    for path in Self.paths { words += ["http://127.0.0.1:\(daemon.port)\(path)"] }
    let output = try await ChildProcess.run(words)
    guard output.status == 0 else { throw Program.Failed(text: "curl: \(output.status)") }
    return output.out
  }

  static let attacks: [(mode: String, source: String, refusals: [String])] = [
    ("slowloris", enemy, ["too-many-connections"]),
    ("connections", enemy, ["too-many-connections"]),
    ("connections", stranger, ["too-many-connections"]),
    ("pipeline", enemy, ["too-many-requests"]),
    ("pipeline", stranger, ["too-many-requests", "unknown-address"]),
    ("unread", enemy, ["too-many-bytes", "too-much-held", "too-many-requests"]),
    ("drip", enemy, ["too-many-connections"]),
    ("half-closed", enemy, []),
    ("reset", enemy, []),
    ("reconnect", enemy, ["too-many-requests", "too-many-connections"]),
  ]

  @Test("a polite guest gets every answer right", arguments: attacks)
  func polite(_ mode: String, _ source: String, _ refusals: [String]) async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let quiet = try await boot(daemon)
    #expect(quiet.contains("guest-1") && !quiet.contains("guest-2"))
    let enemy = try HostileGuest(mode, against: daemon, from: source)
    defer { enemy.stop() }
    #expect(await enemy.isAttacking())
    var status = ""
    // As long as it takes until the attack has met its bound, and some boots more. Half-closed and
    // reset connections are gone before they are too many.
    var (boots, met) = (0, 0)
    while met < 3, boots < 60 {
      boots += 1
      #expect(try await boot(daemon) == quiet)
      status = try await daemon.command("status", "--output", "json").out
      if refusals.isEmpty || refusals.contains(where: { status.contains("\"refusals.\($0)\"") }) {
        met += 1
      }
    }
    #expect(met == 3, "\(status)")
    #expect(try await daemon.command("apply", "-f", "-", input: Self.manifest).status == 0)
    #expect(!status.contains("too-much-held") || mode == "unread", "\(status)")
  }

  @Test("after ten thousand connections a polite guest gets every answer right")
  func tenThousand() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let quiet = try await boot(daemon)
    let enemy = try HostileGuest(
      "connections", against: daemon, from: Self.enemy, options: ["--total", "10000"])
    defer { enemy.stop() }
    #expect(await enemy.isAttacking())
    let child = enemy.child
    async let ended = child.wait()
    for _ in 0..<5 { #expect(try await boot(daemon) == quiet) }
    #expect(await ended == 0)
    #expect(try await boot(daemon) == quiet)
  }
}

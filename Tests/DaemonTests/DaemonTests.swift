import ControlClient
import Foundation
import Inventory
import TestKit
import Testing

@Suite("The daemon")
struct DaemonTests {
  static let id = "11111111-2222-4333-8444-555555555555"
  static let manifest = """
    kind: Instance
    id: \(id)
    hostname: demo
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@laptop"]
    userData: |
      #cloud-config
    interfaces:
    - address: 127.0.0.1
    """

  @Test("a declared instance gets its key, and its operator sees the same bytes")
  func mainLine() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let path = "/latest/meta-data/public-keys/0/openssh-key"
    let key = try await daemon.curl(path)
    #expect(key == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@laptop")
    #expect(try await daemon.command("look", Self.id, path).out == key)
    #expect(try await daemon.curl("/openstack/latest/user_data") == "#cloud-config\n")
  }

  @Test("what get prints, applied again, changes nothing")
  func roundTrip() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    for format in ["yaml", "json"] {
      let printed = try await daemon.command("get", "instance", Self.id, "--output", format)
      #expect(printed.status == 0)
      let applied = try await daemon.command("apply", "-f", "-", input: printed.out)
      #expect(applied.status == 0, "\(applied.error)")
      #expect(applied.out == "1 unchanged\n")
    }
  }

  @Test("a broken document is named with its line, and nothing of the file is applied")
  func brokenManifest() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let manifest = """
      kind: Instance
      hostname: good
      interfaces:
      - address: 10.0.0.1
      ---
      kind: Instance
      hostname: bad
      interfaces:
      - adress: 10.0.0.2
      """
    let refused = try await daemon.command("apply", "-f", "-", input: manifest)
    #expect(refused.status == 1)
    #expect(refused.error.contains("standard input:9: interfaces[0].adress"), "\(refused.error)")
    let reference = try await daemon.command(
      "apply", "-f", "-",
      input: manifest.replacing("adress: 10.0.0.2", with: "network: nowhere"))
    #expect(reference.status == 1)
    #expect(
      reference.error.contains("standard input:6: interfaces[0].network: Instance "),
      "\(reference.error)")
    #expect(reference.error.contains("Network nowhere"), "\(reference.error)")
    #expect(try await daemon.command("list", "instances", "--output", "json").out == "[]\n")
  }

  @Test(
    "a second claim is refused and names the holder; the same document again is the same instance")
  func claims() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let least = "kind: Instance\nhostname: web-1\ninterfaces:\n- address: 192.0.2.15\n"
    #expect(try await daemon.command("apply", "-f", "-", input: least).out.contains("1 created"))
    #expect(try await daemon.command("apply", "-f", "-", input: least).out == "1 unchanged\n")
    let rival = try await daemon.command(
      "apply", "-f", "-", input: least.replacing("web-1", with: "web-2"))
    #expect(rival.status == 1)
    #expect(rival.error.contains("standard input:1: interfaces[0]: Instance "), "\(rival.error)")
    #expect(rival.error.contains("the address 192.0.2.15"), "\(rival.error)")
    #expect(rival.error.contains("which Instance "), "\(rival.error)")
  }

  @Test("metadata is set, unset and listed, and the guest sees it at once")
  func metadata() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    #expect(
      try await daemon.command("instance", "metadata", "set", Self.id, "role=web", "tier=gold")
        .status
        == 0)
    #expect(
      try await daemon.curl("/openstack/latest/meta_data.json")
        .contains(#""meta": {"role": "web", "tier": "gold"}"#))
    #expect(try await daemon.command("instance", "metadata", "unset", Self.id, "tier").status == 0)
    let left = try await daemon.command("instance", "metadata", "list", Self.id, "--output", "json")
    #expect(left.out == "{\"role\": \"web\"}\n")
    #expect(try await daemon.command("instance", "metadata", "set", Self.id, "role").status == 2)
  }

  @Test("diff shows what would change and changes nothing")
  func diff() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let changed = Self.manifest.replacing("hostname: demo", with: "hostname: other")
    let shown = try await daemon.command("diff", "-f", "-", input: changed)
    #expect(shown.out.contains("- hostname: demo\n+ hostname: other\n"), "\(shown.out)")
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
  }

  @Test("a posted password is shown to the operator and cleared by him")
  func password() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    let url = "http://127.0.0.1:\(daemon.port)/openstack/latest/password"
    try await Program.tool("curl", "-sf", "-d", "encrypted", url)
    #expect(try await daemon.command("instance", "password", "show", Self.id).out == "encrypted")
    #expect(
      try await Program.run(
        "/usr/bin/env", ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x", url]
      )
      .out == "409")
    #expect(try await daemon.command("instance", "password", "clear", Self.id).status == 0)
    #expect(try await daemon.curl("/openstack/latest/password") == "")
  }

  @Test("10,000 documents are one transaction, with progress")
  func manyDocuments() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let documents = (0..<10_000).map { number in
      "kind: Instance\nhostname: h\(number)\ninterfaces:\n- address: 10.1.\(number / 250).\(number % 250 + 1)\n"
    }.joined(separator: "---\n")
    let applied = try await daemon.command("apply", "-f", "-", input: documents)
    #expect(applied.status == 0, "\(applied.error)")
    #expect(applied.out.contains("10000 created"))
    #expect(applied.error.contains("10000 of 10000"), "\(applied.error)")
    let health = try await daemon.command("status", "--output", "json").out
    #expect(health.contains(#""revision": 2, "#), "\(health)")
  }

  @Test("SIGTERM ends the daemon with 0, and its socket with it")
  func terminates() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    daemon.signal(SIGTERM)
    #expect(await daemon.ended() == 0)
    #expect(!FileManager.default.fileExists(atPath: daemon.socket))
    #expect(try await daemon.command("status").status == 3)
  }

  @Test("a second daemon on the same state directory is refused with what to do")
  func secondDaemon() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let second = try await Program.run([
      "serve", "--state-directory", "\(daemon.folder)/state", "--control-socket",
      "\(daemon.folder)/other.sock", "--metadata-port", "\(try FreePort.find())",
    ])
    #expect(second.status == 1)
    #expect(second.error.contains("in use by another daemon"), "\(second.error)")
  }

  @Test(
    "a daemon that cannot start says why in a sentence and exits with 1",
    arguments: [
      (["--apply", "/nonexistent.yaml"], "/nonexistent.yaml"),
      (["--metadata-listen", "203.0.113.1"], "203.0.113.1"),
      (["--state-directory", "/proc/nameplate"], "/proc/nameplate"),
    ])
  func cannotStart(flags: [String], named: String) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let output = try await Program.run(
      [
        "serve", "--state-directory", "\(folder)/state", "--control-socket", "\(folder)/c.sock",
        "--metadata-port", "\(try FreePort.find())",
      ] + flags)
    #expect(output.status == 1)
    #expect(output.error.contains("nameplate: "), "\(output.error)")
    #expect(output.error.contains(named), "\(output.error)")
  }

  @Test("kill -9 in the middle of writes loses no acknowledged write and needs no repair")
  func killed() async throws {
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    var acknowledged: Set<String> = []
    for round in 0..<12 {
      let written = await Self.writeUntilKilled(daemon, round: round)
      acknowledged.formUnion(written)
      await daemon.ended()
      try await daemon.start()
      var found: Set<String> = []
      try await ControlClient.withConnection(to: daemon.socket) { client in
        let records = try await client.listAll(.instance)
        found.formUnion(records.compactMap { $0.resource.instance?.hostname })
      }
      #expect(acknowledged.isSubset(of: found), "round \(round)")
      #expect(!written.isEmpty, "round \(round) acknowledged nothing")
    }
    daemon.signal(SIGKILL)
    await daemon.ended()
    #expect(try StoreFile(of: daemon).integrity() == "ok")
    try await daemon.start()
  }

  /// Writes instances until the daemon, killed after so many, answers no more.
  static func writeUntilKilled(_ daemon: DaemonProcess, round: Int) async -> Set<String> {
    var written: Set<String> = []
    let limit = 5 + round * 7
    _ = try? await ControlClient.withConnection(to: daemon.socket) { client in
      for number in 0..<10_000 {
        let name = "r\(round)-\(number)"
        let document: JSONValue = [
          "kind": "Instance", "hostname": .string(name),
          "interfaces": [["address": .string("10.\(round).\(number / 250).\(number % 250 + 1)")]],
        ]
        // The signal is sent while the next write is on its way, not between writes.
        if number == limit { daemon.signal(SIGKILL) }
        _ = try await client.apply([document], dryRun: false)
        written.insert(name)
      }
    }
    return written
  }
}

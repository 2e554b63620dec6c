import ConfigDrive
import Foundation
import TestKit
import Testing

@Suite("Drives from a daemon and from manifests")
struct DriveTests {
  static let id = "11111111-2222-4333-8444-555555555555"
  static let other = "11111111-2222-4333-8444-666666666666"

  static let manifest = """
    kind: KeyPair
    name: alice
    publicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@laptop
    ---
    kind: Instance
    id: \(id)
    hostname: demo
    keys: [alice]
    adminPassword: S3cret
    userData: |
      #cloud-config
    files: [{path: "/etc/näme 🚀", content: hello}]
    interfaces:
    - address: 127.0.0.1
    ---
    kind: Instance
    id: \(other)
    hostname: other
    """

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file of a drive, as xorriso reads it.
  private func read(_ path: String, from drive: String) async throws -> String {
    let out = folder["out-\(UUID())"]
    try await Program.tool(
      "xorriso", "-osirrox", "on", "-indev", drive, "-extract", "/\(path)", out)
    return try String(contentsOfFile: out, encoding: .utf8)
  }

  @Test("the daemon's drive has its settings and what only a drive has, and is the same each time")
  func fromDaemon() async throws {
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: ["--dhcp-domain", "example.internal"])
    defer { daemon.stop() }
    let drive = folder["a.iso"]
    let written = try await daemon.command("drive", "write", Self.id, "--output", drive)
    #expect(written.out == "\(drive) created\n", "\(written.error)")
    let metaData = try await read("openstack/latest/meta_data.json", from: drive)
    #expect(metaData.contains(#""hostname": "demo.example.internal""#))
    #expect(metaData.contains(#""admin_pass": "S3cret""#))
    #expect(metaData.contains(#""path": "/etc/n\u00e4me \ud83d\ude80""#))
    #expect(try await read("openstack/content/0000", from: drive) == "hello")
    #expect(try await read("ec2/latest/user-data", from: drive) == "#cloud-config\n")
    #expect(!(try await daemon.curl("/openstack/latest/meta_data.json").contains("admin_pass")))
    daemon.signal(SIGKILL)
    await daemon.ended()
    try await daemon.start()
    let again = try await daemon.command("drive", "write", Self.id, "--output", drive)
    #expect(again.out == "\(drive) unchanged\n", "\(again.error)")
  }

  @Test("from a manifest, without a daemon: the same bytes each time, in any zone")
  func fromManifest() async throws {
    let manifest = folder["m.yaml"]
    try Self.manifest.write(toFile: manifest, atomically: true, encoding: .utf8)
    for (name, format) in [("a", "iso9660"), ("b", "vfat")] {
      let words = ["drive", "write", Self.id, "-f", manifest, "--format", format, "--output"]
      for (copy, zone) in [("1", "UTC"), ("2", "Asia/Kathmandu")] {
        let written = try await Program.run(
          words + [folder[name + copy]], environment: ["TZ": zone])
        #expect(written.status == 0, "\(written.error)")
      }
      #expect(
        FileManager.default.contentsEqual(atPath: folder[name + "1"], andPath: folder[name + "2"]))
    }
    let unnamed = try await Program.run(["drive", "write", "-f", manifest, "--output", folder["c"]])
    #expect(unnamed.status == 2 && unnamed.error.contains("name one"), "\(unnamed.error)")
    let seed = try await Program.run(
      ["drive", "write", Self.other, "-f", manifest, "--nocloud", "--output", folder["s.iso"]])
    #expect(seed.status == 0, "\(seed.error)")
    #expect(DrivePlace(at: folder["s.iso"]) == .drive(.iso9660, label: "cidata"))
    #expect(try await read("meta-data", from: folder["s.iso"]).contains("\"other\""))
  }

  @Test(
    "a manifest that is not whole is refused with what to do",
    arguments: [
      ("kind: Instance\nhostname: a\n", "needs an id"),
      ("kind: Instance\nid: \(id)\nhostname: a\nkeys: [bob]\n", "refers to KeyPair bob"),
      (
        "kind: Instance\nid: \(id)\nhostname: a\ninterfaces: [{network: n}]\n",
        "refers to Network n"
      ),
    ])
  func incomplete(_ text: String, _ reason: String) async throws {
    let written = try await Program.run(
      ["drive", "write", "-f", "-", "--output", folder["a.iso"]], input: text)
    #expect(written.status == 1)
    #expect(written.error.contains("standard input:1: ") && written.error.contains(reason))
    #expect(folder.names.isEmpty)
  }

  @Test("what is no drive is kept, unless --force says otherwise")
  func force() async throws {
    let manifest = folder["m.yaml"]
    try Self.manifest.write(toFile: manifest, atomically: true, encoding: .utf8)
    let words = ["drive", "write", Self.id, "-f", manifest, "--output", manifest]
    let refused = try await Program.run(words)
    #expect(refused.status == 1 && refused.error.contains("--force"), "\(refused.error)")
    #expect(try String(contentsOfFile: manifest, encoding: .utf8) == Self.manifest)
    #expect(try await Program.run(words + ["--force"]).out == "\(manifest) replaced\n")
  }

  @Test("all drives in one go: what fails is named, the others are written")
  func all() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    try FileManager.default.createDirectory(
      atPath: folder["d"], withIntermediateDirectories: true)
    try "a diary".write(
      toFile: folder["d/\(Self.other).iso"], atomically: true, encoding: .utf8)
    let written = try await daemon.command("drive", "write", "--all", "--directory", folder["d"])
    #expect(written.status == 1)
    #expect(written.out == "1 created\n")
    #expect(written.error.contains("\(Self.other).iso is another file"), "\(written.error)")
    #expect(
      DrivePlace(at: folder["d/\(Self.id).iso"]) == .drive(.iso9660, label: "config-2"))
  }

  @Test("sync rewrites a drive when its instance or a key changes, and over a daemon's restart")
  func sync() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    try FileManager.default.createDirectory(
      atPath: folder["d"], withIntermediateDirectories: true)
    let follower = try Follower([
      Program.path, "drive", "sync", folder["d"], "--all", "--delete", "--socket", daemon.socket,
    ])
    defer { follower.stop() }
    #expect(await follower.saw("\(Self.id).iso created"))
    #expect(await follower.saw("\(Self.other).iso created"))
    _ = try await daemon.command("instance", "metadata", "set", Self.id, "role=web")
    #expect(await follower.saw("\(Self.id).iso replaced"))
    let metaData = try await read(
      "openstack/latest/meta_data.json", from: folder["d/\(Self.id).iso"])
    #expect(metaData.contains(#""meta": {"role": "web"}"#))
    follower.forget()
    let key = "kind: KeyPair\nname: alice\npublicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB new\n"
    #expect(try await daemon.command("apply", "-f", "-", input: key).status == 0)
    #expect(await follower.saw("\(Self.id).iso replaced"))
    follower.forget()
    daemon.signal(SIGKILL)
    await daemon.ended()
    #expect(await follower.saw("trying again"))
    try await daemon.start()
    #expect(await follower.saw("the daemon is there again"))
    _ = try await daemon.command("delete", "instance", Self.other)
    #expect(await follower.saw("\(Self.other).iso deleted"))
    #expect(folder.names(in: "d") == ["\(Self.id).iso"])
  }

  @Test("sync tries again what it could not write, though nothing changes", .timeLimit(.minutes(2)))
  func retries() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest)
    defer { daemon.stop() }
    try FileManager.default.createDirectory(
      atPath: folder["d"], withIntermediateDirectories: true)
    let place = folder["d/\(Self.id).iso"]
    try "a diary".write(toFile: place, atomically: true, encoding: .utf8)
    let follower = try Follower([
      Program.path, "drive", "sync", folder["d"], "--all", "--socket", daemon.socket,
    ])
    defer { follower.stop() }
    #expect(await follower.saw("\(Self.other).iso created"))
    #expect(await follower.saw("\(Self.id).iso is another file"))
    try FileManager.default.removeItem(atPath: place)
    #expect(await follower.saw("\(Self.id).iso created"))
  }
}

/// A folder of a test's own.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  subscript(_ name: String) -> String { "\(path)/\(name)" }

  var names: [String] { names(in: "") }

  func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: self[folder])) ?? []).sorted()
  }
}

/// A program that goes on running and says what it does.
final class Follower {
  private let process: ChildProcess
  private let pipe = Pipe()
  private let lines = LogLines()

  init(_ words: [String]) throws {
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let out = pipe.fileHandleForWriting.fileDescriptor
    process = try ChildProcess(words, descriptors: [null, out, out])
    try pipe.fileHandleForWriting.close()
    lines.read(pipe.fileHandleForReading)
  }

  /// Whether it has said a text, or says it before it ends.
  func saw(_ text: String) async -> Bool { await lines.wait(for: text) }

  func forget() { lines.forgetAll() }

  func stop() {
    process.signal(SIGKILL)
    process.waitHere()
  }
}

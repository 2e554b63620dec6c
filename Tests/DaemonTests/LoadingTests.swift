import Foundation
import TestKit
import Testing

/// A daemon that is started on a store which takes a while to read.
@Suite("A daemon that reads its store", .serialized)
struct LoadingTests {
  private static let count = 3000

  private static func manifest() -> String {
    (0..<count).map { number in
      """
      {"kind": "Instance", "id": "00000000-0000-4000-8000-\(String(format: "%012d", number))", \
      "hostname": "guest-\(number)", \
      "interfaces": [{"address": "127.1.\(number / 250).\(number % 250 + 1)"}]}
      """
    }.joined(separator: "\n")
  }

  @Test("every guest is answered from the first moment on, and operators once it is done")
  func answered() async throws {
    let daemon = try await DaemonProcess(options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let file = "\(daemon.folder)/many.ndjson"
    try Data(Self.manifest().utf8).write(to: URL(fileURLWithPath: file))
    let applied = try await daemon.command("apply", "-f", file)
    try #require(applied.status == 0, "\(applied.error)")
    for signal in [SIGTERM, SIGKILL] {
      daemon.signal(signal)
      await daemon.ended()
      try await daemon.start()
      // Whether it has read all of it by now or not.
      for number in stride(from: 0, to: Self.count, by: 251) {
        let source = "127.1.\(number / 250).\(number % 250 + 1)"
        #expect(
          try await daemon.curl("/latest/meta-data/hostname", from: source) == "guest-\(number)")
      }
      let last = "00000000-0000-4000-8000-\(String(format: "%012d", Self.count - 1))"
      let got = try await daemon.command("get", "instance", last)
      #expect(got.status == 0 && got.out.contains("guest-\(Self.count - 1)"), "\(got.error)")
      let status = try await daemon.command("status", "--output", "json")
      #expect(status.out.contains(#""status": "ready""#), "\(status.out)")
      #expect(await daemon.log(until: "catalogue loaded").contains("records=\(Self.count + 1)"))
    }
  }

  @Test("a record that cannot be read ends it, in a sentence that names the record")
  func damaged() async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let backup = try await daemon.command("backup", "create")
    #expect(backup.status == 0, "\(backup.error)")
    daemon.signal(SIGTERM)
    await daemon.ended()
    try StoreFile(of: daemon).execute(
      "UPDATE resource SET document = '{' WHERE kind = 'Instance'")
    let output = try await Program.run([
      "serve", "--state-directory", "\(daemon.folder)/state", "--control-socket", daemon.socket,
      "--metadata-listen", "127.0.0.1", "--metadata-port", "\(try FreePort.find())",
    ])
    #expect(output.status == 1)
    #expect(output.error.contains("nameplate.sqlite holds Instance "), "\(output.error)")
    #expect(output.error.contains("whose document cannot be read"), "\(output.error)")
    #expect(output.error.contains("nameplate backup restore"), "\(output.error)")
  }

  @Test("a large database is checked beside serving; sound, it takes writes from then on")
  func largeAndSound() async throws {
    let daemon = try await Self.stopped()
    defer { daemon.stop() }
    try StoreFile(of: daemon).grow()
    try await daemon.start()
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    #expect(await StoreFaults.write("new", to: daemon) == nil)
    let status = try await daemon.command("status", "--output", "json")
    #expect(status.out.contains(#""store": "ok""#), "\(status.out)")
  }

  @Test(
    "a large database that is damaged: guests are answered, writes are refused, what it says helps")
  func largeAndDamaged() async throws {
    let daemon = try await Self.stopped()
    defer { daemon.stop() }
    try StoreFile(of: daemon).damageIndex()
    try StoreFile(of: daemon).grow()
    try await daemon.start()
    let log = await daemon.log(until: "the store refuses writes")
    #expect(log.components(separatedBy: "nameplate.sqlite is damaged (").count == 2, "\(log)")
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    let refusal = await StoreFaults.write("refused", to: daemon) ?? ""
    let advice = try #require(
      refusal.firstMatch(
        of:
          #/To go on from it: stop the daemon, nameplate (backup restore \S+ --state-directory \S+), /#
      ),
      "\(refusal)")
    let status = try await daemon.command("status", "--output", "json")
    #expect(status.status == 0 && status.out.contains("is damaged ("), "\(status.out)")
    #expect(try await daemon.metrics()["nameplate_store_writable"] == 0)
    let posted = try await ChildProcess.run([
      "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x",
      "http://127.0.0.1:\(daemon.port)/openstack/latest/password",
    ])
    #expect(posted.out == "503")
    let backup = try await daemon.command("backup", "create")
    #expect(backup.status == 1 && backup.error.contains("is damaged ("), "\(backup.error)")
    // What was written after the backup is in memory still, and saved as the page says.
    var saved = ""
    for kind in ["projects", "networks", "keypairs", "instances"] {
      saved += "---\n" + (try await daemon.command("list", kind, "--output", "yaml").out)
    }
    daemon.signal(SIGTERM)
    #expect(await daemon.ended() == 0)
    let restored = try await Program.run(advice.1.split(separator: " ").map(String.init))
    #expect(restored.status == 0, "\(restored.error)")
    try await daemon.start()
    #expect(try await StoreFaults.found(in: daemon)["after"] == nil)
    let applied = try await daemon.command(
      "apply", "-f", "-", input: saved)
    #expect(applied.status == 0, "\(applied.error)")
    #expect(try await StoreFaults.found(in: daemon)["after"] == 3)
  }

  @Test("where manifests are to be applied, a large database is checked before")
  func largeAndApplied() async throws {
    let daemon = try await Self.stopped()
    defer { daemon.stop() }
    try StoreFile(of: daemon).damageIndex()
    try StoreFile(of: daemon).grow()
    let manifest = "\(daemon.folder)/manifest.yaml"
    try Data(DaemonTests.manifest.utf8).write(to: URL(fileURLWithPath: manifest))
    let output = try await Program.run([
      "serve", "--state-directory", "\(daemon.folder)/state", "--control-socket", daemon.socket,
      "--metadata-listen", "127.0.0.1", "--metadata-port", "\(daemon.port)", "--apply", manifest,
    ])
    #expect(output.status == 1 && output.error.contains("is damaged ("), "\(output.error)")
    #expect(!output.error.contains(" ready"), "\(output.error)")
    // It ends, so that there is nothing to save from it.
    #expect(!output.error.contains("this daemon runs"), "\(output.error)")
  }

  /// A daemon that has ended, with an instance, a backup of it, and records that came after.
  private static func stopped() async throws -> DaemonProcess {
    let daemon = try await DaemonProcess(options: StoreFaults.noBackups)
    let applied = try await daemon.command("apply", "-f", "-", input: DaemonTests.manifest)
    #expect(applied.status == 0, "\(applied.error)")
    #expect(try await daemon.command("backup", "create").status == 0)
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    daemon.signal(SIGTERM)
    await daemon.ended()
    return daemon
  }
}

import Foundation
import TestKit
import Testing

/// `nameplate backup` beside a real daemon.
@Suite("Backups beside a real daemon", .timeLimit(.minutes(3)))
struct BackupTests {
  private func restore(_ daemon: DaemonProcess, _ name: String) async throws -> Program.Output {
    try await Program.run([
      "backup", "restore", name, "--state-directory", "\(daemon.folder)/state",
    ])
  }

  @Test("made, listed, refused while the daemon runs or where damaged, and put in place")
  func wholeWay() async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    #expect(await StoreFaults.write("before", to: daemon) == nil)
    let made = try await daemon.command("backup", "create")
    let path = made.out.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(made.status == 0 && FileManager.default.fileExists(atPath: path), "\(made)")
    let name = URL(fileURLWithPath: path).lastPathComponent
    #expect(try await daemon.command("backup", "list").out.contains(name))
    #expect(await StoreFaults.write("after", to: daemon) == nil)

    let running = try await restore(daemon, name)
    #expect(running.status == 1 && running.error.contains("in use by another daemon"), "\(running)")
    daemon.signal(SIGTERM)
    await daemon.ended()
    let database = "\(daemon.folder)/state/nameplate.sqlite"
    let stopped = try Data(contentsOf: URL(fileURLWithPath: database))
    let damaged = "\(daemon.folder)/damaged.sqlite"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes.replaceSubrange(
      4096..<bytes.count, with: Data(repeating: 0x55, count: bytes.count - 4096))
    try bytes.write(to: URL(fileURLWithPath: damaged))
    let refused = try await restore(daemon, damaged)
    #expect(refused.status == 1 && refused.error.contains("is not sound"), "\(refused)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: database)) == stopped)
    let missing = try await restore(daemon, "nameplate-000099-r1.sqlite")
    #expect(missing.status == 1 && missing.error.contains("the newest are \(name)"), "\(missing)")

    let restored = try await restore(daemon, name)
    #expect(restored.status == 0, "\(restored.error)")
    #expect(FileManager.default.fileExists(atPath: "\(database).before-1"))
    try await daemon.start()
    let found = try await StoreFaults.found(in: daemon)
    #expect(found["before"] == 3 && found["after"] == nil, "\(found)")
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    #expect(await StoreFaults.write("again", to: daemon) == nil)
  }

  @Test(
    "killed while one is put in place, what was there or the backup is there, or no daemon starts",
    .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"))
  func killedRestore() async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    #expect(await StoreFaults.write("before", to: daemon) == nil)
    let made = try await daemon.command("backup", "create").out
    let backup = made.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    // What came after the backup is in the journal only.
    daemon.signal(SIGKILL)
    await daemon.ended()
    let (state, whole) = ("\(daemon.folder)/state", "\(daemon.folder)/whole")
    // Nobody can copy a socket.
    try FileManager.default.removeItem(atPath: "\(state)/takeover.sock")
    try FileManager.default.moveItem(atPath: state, toPath: whole)
    let calls = "rename,renameat2,link,unlink,fsync"
    var kills = 0
    for number in 1..<100 {
      try? FileManager.default.removeItem(atPath: state)
      try FileManager.default.copyItem(atPath: whole, toPath: state)
      let traced = try await ChildProcess.run([
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(calls)", "-e",
        "inject=\(calls):signal=KILL:when=\(number)", Program.path, "backup", "restore",
        URL(fileURLWithPath: backup).lastPathComponent, "--state-directory", state,
      ])
      guard traced.status == 128 + SIGKILL else {
        #expect(traced.status == 0, "\(traced.error)")
        break
      }
      kills += 1
      guard FileManager.default.fileExists(atPath: "\(state)/nameplate.sqlite") else { continue }
      let networks = try StoreFile("\(state)/nameplate.sqlite").networks()
      let isWhole = networks.contains("before") && networks.contains("default")
      #expect(isWhole, "\(number): \(networks)")
    }
    #expect(kills > 3)
    try await daemon.start()
    let found = try await StoreFaults.found(in: daemon)
    #expect(found["before"] == 3 && found["after"] == nil, "\(found)")
  }

  @Test(
    "killed while one is made, there is none or a whole one",
    .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
    arguments: ["fsync", "link", "unlink"])
  func killed(call: String) async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    for number in 1..<100 {
      let tampering = try await Tampering(daemon, call, .killed, when: "\(number)")
      let made = try await daemon.command("backup", "create")
      guard made.status != 0 else {
        await tampering.end()
        break
      }
      await daemon.ended()
      await tampering.end()
      try await daemon.start()
      let names = try FileManager.default.contentsOfDirectory(
        atPath: "\(daemon.folder)/state/backups")
      #expect(!names.contains { $0.hasPrefix(".") }, "\(call) \(number): \(names)")
      for name in names {
        // Only what is sound is put in place.
        let other = "\(daemon.folder)/other-\(UUID())"
        let restored = try await Program.run([
          "backup", "restore", "\(daemon.folder)/state/backups/\(name)", "--state-directory", other,
        ])
        #expect(restored.status == 0, "\(call) \(number): \(restored.error)")
      }
    }
    #expect(try await daemon.command("backup", "create").status == 0)
  }
}

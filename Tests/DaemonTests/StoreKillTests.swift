import Foundation
import TestKit
import Testing

/// The real daemon killed where its store is not in the middle of a write, and its file system gone
/// read-only.
@Suite(
  "Kills beside writes",
  .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
  .serialized,
  .timeLimit(.minutes(5)))
struct StoreKillTests {
  @Test(
    "killed at any system call of its orderly end, nothing is lost",
    arguments: ["ftruncate", "unlink", "pwrite64", "fdatasync"])
  func ending(call: String) async throws {
    let daemon = try await DaemonProcess(options: StoreFaults.noBackups)
    defer { daemon.stop() }
    var names: [String] = []
    var kills = 0
    for number in 1..<40 {
      names.append("e\(number)")
      #expect(await StoreFaults.write("e\(number)", to: daemon) == nil)
      let tampering = try await Tampering(daemon, call, .killed, when: "\(number)")
      daemon.signal(SIGTERM)
      let status = await daemon.ended()
      await tampering.end()
      #expect(try StoreFaults.integrity(of: daemon) == "ok", "\(call) \(number)")
      try await daemon.start()
      let found = try await StoreFaults.found(in: daemon)
      for name in names { #expect(found[name] == 3, "\(call) \(number): \(name)") }
      if status == 0 { break }
      kills += 1
    }
    #expect(kills > 0, "\(call) is not what the store calls")
  }

  @Test(
    "killed at any system call of its first start, it starts the next time",
    arguments: ["fsync", "fdatasync", "pwrite64", "ftruncate", "unlink"])
  func firstStart(call: String) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // It ends by itself once the store is open and loaded.
    let words = [
      Program.path, "serve", "--state-directory", "\(folder)/state", "--control-socket",
      "\(folder)/c.sock", "--metadata-port", "\(try FreePort.find())", "--apply", "/nothing-here",
    ]
    for number in 1..<200 {
      try? FileManager.default.removeItem(atPath: folder)
      let traced = try await Program.run(
        "/usr/bin/env",
        [
          "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=KILL:when=\(number)",
        ] + words)
      guard traced.status == 128 + SIGKILL else {
        #expect(traced.error.contains("/nothing-here: cannot be read"), "\(traced.error)")
        break
      }
      let again = try await Program.run("/usr/bin/env", words)
      #expect(
        again.error.contains("/nothing-here: cannot be read"), "\(call) \(number): \(again.error)")
    }
  }

  @Test("killed at writes of a checkpoint, all that was acknowledged is there")
  func checkpoint() async throws {
    let daemon = try await DaemonProcess(options: StoreFaults.noBackups)
    defer { daemon.stop() }
    var acknowledged: [String] = []
    for number in [1, 2, 3, 20, 200] {
      // The database itself is written to by checkpoints alone.
      let tampering = try await Tampering(
        daemon, "pwrite64", .killed, when: "\(number)",
        path: "\(daemon.folder)/state/nameplate.sqlite")
      for part in 1... {
        let name = "c\(number)-\(part)"
        guard await StoreFaults.write(name, count: 400, to: daemon) == nil else { break }
        acknowledged.append(name)
        try #require(part < 20, "there is no checkpoint")
      }
      #expect(await daemon.ended() == 128 + SIGKILL)
      await tampering.end()
      #expect(try StoreFaults.integrity(of: daemon) == "ok", "\(number)")
      try await daemon.start()
      let found = try await StoreFaults.found(in: daemon)
      for name in acknowledged { #expect(found[name] == 402, "\(number): \(name)") }
      #expect(found.values.allSatisfy { $0 == 402 })
    }
  }

  @Test(
    "a file system that the kernel makes read-only: refused and told; guests are answered",
    .enabled(if: FailingDisk.isPossible, "there is no ext4 on a loop device here"))
  func readOnly() async throws {
    let disk = try await FailingDisk()
    defer { disk.remove() }
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest,
      options: StoreFaults.noBackups + ["--state-directory", "\(disk.folder)/state"])
    defer { daemon.stop() }
    #expect(await StoreFaults.write("before", to: daemon) == nil)
    try await disk.fail()
    try await StoreFaults.expectRefusals(daemon, naming: "nameplate.sqlite")
    let backup = try await daemon.command("backup", "create")
    #expect(backup.status == 1 && backup.error.contains("\(disk.folder)"), "\(backup.error)")
    #expect(try await StoreFaults.found(in: daemon)["before"] == 3)
  }
}

/// An ext4 file system that turns read-only at its first error, as a disk's does.
final class FailingDisk {
  let folder: String
  private let image: String
  private let device: String

  static let isPossible =
    geteuid() == 0 && (try? ChildProcess.runHere(["losetup", "-f"]))?.status == 0

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    image = folder + ".img"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try await Program.tool("truncate", "-s", "32M", image)
    try await Program.tool("/sbin/mkfs.ext4", "-q", image)
    device = try await Program.tool("losetup", "-f", "--show", image)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    try await Program.tool("mount", "-o", "errors=remount-ro", device, folder)
  }

  /// Has the kernel find an error.
  func fail() async throws {
    let name = device.split(separator: "/").last ?? ""
    try await Program.tool("sh", "-c", "echo 1 >/sys/fs/ext4/\(name)/trigger_fs_error")
  }

  func remove() {
    unsafe umount2(folder, Int32(MNT_DETACH))
    _ = try? ChildProcess.runHere(["losetup", "-d", device])
    for path in [folder, image] { try? FileManager.default.removeItem(atPath: path) }
  }
}

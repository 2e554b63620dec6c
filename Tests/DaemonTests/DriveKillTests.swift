import ConfigDrive
import Foundation
import TestKit
import Testing

@Suite(
  "kill -9 in the middle of a drive", .serialized, .timeLimit(.minutes(20)),
  .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"))
struct DriveKillTests {
  static let id = "11111111-2222-4333-8444-555555555555"

  static func manifest(_ word: String) -> String {
    """
    kind: Instance
    id: \(id)
    hostname: demo
    userData: "\(String(repeating: word, count: 5000))"
    interfaces: [{address: 127.0.0.1}]
    """
  }

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// The system calls that change files; strace counts each by itself, and each thread's.
  private static let calls = [
    "write", "ftruncate", "truncate", "fsync", "syncfs", "rename", "unlink", "unlinkat", "mkdir",
  ]

  /// Kills a command at every call that changes a file, the first one, the second one, … until none is
  /// left to kill at. Each time the drive that it replaces must be whole.
  private func kill(_ format: DriveFormat, _ words: [String]) async throws {
    let drive = folder["d/\(Self.id).\(format.fileExtension)"]
    var kills = 0
    var sawNew = false
    // FAT's tools write hundreds of times, each process of theirs by itself: some of these are enough.
    let step = format == .vfat ? 25 : 1
    for call in Self.calls {
      for number in stride(from: 1, to: 1000, by: step) {
        try await Program.tool("cp", "--sparse=always", folder["old"], drive)
        let output = try await Program.run(
          "/usr/bin/env",
          [
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
            "inject=\(call):signal=KILL:when=\(number)", Program.path, "drive",
          ] + words)
        let isNew = try await isSame(drive, "new")
        let isOld = try await isSame(drive, "old")
        #expect(isNew || isOld, "killed at \(call) \(number): neither the old nor the new drive")
        sawNew = sawNew || isNew
        if output.status == 0 { break }
        kills += 1
      }
    }
    #expect(kills >= 4 && sawNew, "\(kills) kills")
    let last = try await Program.run(["drive"] + words)
    #expect(last.status == 0, "\(last.error)")
    #expect(folder.names(in: "d") == ["\(Self.id).\(format.fileExtension)"])
  }

  private func isSame(_ drive: String, _ name: String) async throws -> Bool {
    try await Program.run("/usr/bin/env", ["cmp", "-s", drive, folder[name]]).status == 0
  }

  private func write(_ name: String, as format: DriveFormat, from manifest: String) async throws {
    try Self.manifest(name).write(toFile: folder[manifest], atomically: true, encoding: .utf8)
    let written = try await Program.run([
      "drive", "write", "-f", folder[manifest], "--format", format.rawValue, "--output",
      folder[name],
    ])
    #expect(written.status == 0, "\(written.error)")
  }

  @Test(
    "a write leaves the old drive or the new one, and the next run tidies up",
    arguments: DriveFormat.allCases)
  func write(format: DriveFormat) async throws {
    try await write("old", as: format, from: "old.yaml")
    try await write("new", as: format, from: "new.yaml")
    try FileManager.default.createDirectory(
      atPath: folder["d"], withIntermediateDirectories: true)
    try await kill(
      format,
      [
        "write", "-f", folder["new.yaml"], "--format", format.rawValue, "--output",
        folder["d/\(Self.id).\(format.fileExtension)"],
      ])
  }

  @Test("so does a sync")
  func sync() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest("old"))
    defer { daemon.stop() }
    for name in ["old", "new"] {
      let applied = try await daemon.command("apply", "-f", "-", input: Self.manifest(name))
      #expect(applied.status == 0, "\(applied.error)")
      let written = try await daemon.command("drive", "write", Self.id, "--output", folder[name])
      #expect(written.status == 0, "\(written.error)")
    }
    try FileManager.default.createDirectory(
      atPath: folder["d"], withIntermediateDirectories: true)
    try await kill(.iso9660, ["sync", folder["d"], "--once", "--socket", daemon.socket])
  }
}

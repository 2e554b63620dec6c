import ControlClient
import Foundation
import Inventory
import TestKit
import Testing

/// What the real daemon does when its disk, its database or its neighbours fail it: guests are
/// answered, writes are refused in a sentence, nothing is half-written, and it goes on by itself.
@Suite("Faults of the store", .serialized)
struct StoreFaultTests {
  private static let manifest = DaemonTests.manifest

  @Test(
    "killed at any system call of a write, all of it is there or none",
    .enabled(
      if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
    arguments: ["pwrite64", "fdatasync"])
  func killed(call: String) async throws {
    let daemon = try await DaemonProcess(options: StoreFaults.noBackups)
    defer { daemon.stop() }
    var acknowledged: [String] = []
    var kills = 0
    for number in 1..<200 {
      let tampering = try await Tampering(daemon, call, .killed, when: "\(number)")
      guard await StoreFaults.write("r\(number)", to: daemon) != nil else {
        await tampering.end()
        acknowledged.append("r\(number)")
        break
      }
      await daemon.ended()
      await tampering.end()
      kills += 1
      #expect(try StoreFaults.integrity(of: daemon) == "ok", "\(call) \(number)")
      try await daemon.start()
      let found = try await StoreFaults.found(in: daemon)
      #expect(found.values.allSatisfy { $0 == 3 }, "\(call) \(number): \(found)")
      // Between two kills the daemon works as ever.
      acknowledged.append("s\(number)")
      #expect(await StoreFaults.write("s\(number)", to: daemon) == nil)
    }
    let found = try await StoreFaults.found(in: daemon)
    for name in acknowledged { #expect(found[name] == 3, "\(name)") }
    #expect(kills > 0, "\(call) is not what the store calls")
  }

  @Test(
    "a system call that fails: the write is refused whole, and the next one succeeds",
    .enabled(
      if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
    arguments: [
      ("pwrite64", Tampering.Fault.noSpace), ("pwrite64", .broken), ("fdatasync", .broken),
    ])
  func failing(call: String, fault: Tampering.Fault) async throws {
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    var refused: [String] = []
    var acknowledged: [String] = []
    for number in 1..<200 {
      let tampering = try await Tampering(daemon, call, fault, when: "\(number)")
      let refusal = await StoreFaults.write("f\(number)", to: daemon)
      let changed = await tampering.end()
      if let refusal {
        refused.append("f\(number)")
        #expect(refusal.contains("nameplate.sqlite") || refusal.contains("is full"), "\(refusal)")
        #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
      } else {
        acknowledged.append("f\(number)")
        if changed == 0 { break }
      }
      acknowledged.append("g\(number)")
      #expect(await StoreFaults.write("g\(number)", to: daemon) == nil, "\(call) \(number)")
    }
    #expect(!refused.isEmpty)
    for isRestarted in [false, true] {
      if isRestarted {
        daemon.signal(SIGKILL)
        await daemon.ended()
        #expect(try StoreFaults.integrity(of: daemon) == "ok")
        try await daemon.start()
      }
      let found = try await StoreFaults.found(in: daemon)
      for name in refused { #expect(found[name] == nil, "\(name)") }
      for name in acknowledged { #expect(found[name] == 3, "\(name)") }
    }
  }

  @Test(
    "a file system that turns read-only: refused and told, until it takes writes again",
    .enabled(
      if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"))
  func readOnly() async throws {
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let tampering = try await Tampering(daemon, "pwrite64", .readOnly, when: "1+")
    try await StoreFaults.expectRefusals(daemon, naming: "nameplate.sqlite")
    await tampering.end()
    try await StoreFaults.expectRecovery(daemon)
  }

  @Test("another program that keeps the store locked: refused and told, until it lets go")
  func locked() async throws {
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let holder = try LockHolder(StoreFile(of: daemon))
    try await StoreFaults.expectRefusals(daemon, naming: "locked by another program")
    try holder.letGo()
    try await StoreFaults.expectRecovery(daemon)
  }

  @Test("a database that is moved away from a running daemon: refused and told, until it is back")
  func moved() async throws {
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let path = "\(daemon.folder)/state/nameplate.sqlite"
    try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
    try await StoreFaults.expectRefusals(daemon, naming: "was removed or replaced")
    try Data("another file".utf8).write(to: URL(fileURLWithPath: path))
    try await StoreFaults.expectRefusals(daemon, naming: "was removed or replaced")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
    try await StoreFaults.expectRecovery(daemon)
  }

  @Test(
    "a disk that fills up: refused and told, until there is space",
    .enabled(if: getuid() == 0, "mounting takes root"))
  func full() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try #require(unsafe mount("tmpfs", folder, "tmpfs", 0, "size=2m") == 0)
    defer {
      unsafe umount2(folder, Int32(MNT_DETACH))
      try? FileManager.default.removeItem(atPath: folder)
    }
    let daemon = try await DaemonProcess(
      manifest: Self.manifest, options: StoreFaults.noBackups + ["--state-directory", folder])
    defer { daemon.stop() }
    let ballast = "\(folder)/ballast"
    _ = FileManager.default.createFile(atPath: ballast, contents: nil)
    let handle = try #require(FileHandle(forWritingAtPath: ballast))
    while (try? handle.write(contentsOf: Data(count: 4096))) != nil {}
    try handle.close()
    try await StoreFaults.expectRefusals(daemon, naming: "is full", count: 400)
    let backup = try await daemon.command("backup", "create")
    #expect(backup.status == 1 && backup.error.contains("full"), "\(backup.error)")
    try FileManager.default.removeItem(atPath: ballast)
    try await StoreFaults.expectRecovery(daemon)
  }
}

import Foundation
import TestKit
import Testing

/// `nameplate backup restore` of a file from elsewhere, killed where there are no backups in the folder
/// that could tell that there was a store.
@Suite(
  "Restores that are killed",
  .enabled(if: Tracing.isPossible, "strace cannot trace here, or a sanitizer is at work"),
  .timeLimit(.minutes(5)))
struct KilledRestoreTests {
  private let files = FileManager.default

  @Test(
    "no daemon makes an empty store after it; repeated, it succeeds, and what was there is together",
    arguments: [true, false], ["rename", "fsync", "unlink"])
  func killed(hasStore: Bool, call: String) async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest, options: StoreFaults.noBackups)
    defer { daemon.stop() }
    let (state, whole) = ("\(daemon.folder)/state", "\(daemon.folder)/whole")
    let database = "\(state)/nameplate.sqlite"
    let backup = try await endWithBackup(daemon)
    if hasStore {
      try files.moveItem(atPath: state, toPath: whole)
    } else {
      try files.createDirectory(atPath: whole, withIntermediateDirectories: false)
    }
    let restore = ["backup", "restore", backup, "--state-directory", state]
    var (kills, refusals) = (0, 0)
    for number in 1..<100 {
      try? files.removeItem(atPath: state)
      try files.copyItem(atPath: whole, toPath: state)
      let traced = try await ChildProcess.run(
        [
          "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=KILL:when=\(number)", Program.path,
        ] + restore)
      guard traced.status == 128 + SIGKILL else {
        #expect(traced.status == 0, "\(traced.error)")
        break
      }
      kills += 1
      let place = Comment(rawValue: "\(call) \(number)")
      if files.fileExists(atPath: database) {
        let started = try await start(daemon)
        #expect(started.contains("/nothing-here: cannot be read"), place)
        #expect(try StoreFile(database).networks().contains("default"), place)
        #expect(!files.fileExists(atPath: "\(database).restoring"), place)
      } else if files.fileExists(atPath: "\(database).restoring") {
        refusals += 1
        let started = try await start(daemon)
        #expect(
          started.contains(
            "\(database) is missing: the restore of a backup was cut short. Run it again: "
              + "nameplate \(restore.joined(separator: " ")), then start the daemon. "
              + (hasStore ? "What was there before is \(database).before-1, with" : "To begin with")
          ),
          place)
        #expect(!files.fileExists(atPath: database), place)
      } else {
        #expect(!hasStore, place)
      }
      let wasThere = files.fileExists(atPath: database)
      let again = try await Program.run(restore)
      #expect(again.status == 0, place)
      #expect(try StoreFile(database).networks() == ["default"], place)
      if hasStore, !wasThere {
        let kept = try files.contentsOfDirectory(atPath: state).filter { $0.contains(".before-") }
        let expected = ["", "-wal", "-shm"].map { "nameplate.sqlite.before-1\($0)" }
        #expect(Set(kept) == Set(expected), place)
      }
    }
    #expect(kills > 0)
    // Once for each file of SQLite's that was not moved yet, and for the backup.
    if call == "rename" { #expect(refusals == (hasStore ? 3 : 1)) }
    try await daemon.start()
    #expect(try await StoreFaults.found(in: daemon)["after"] == nil)
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
  }

  /// Has a daemon make a backup, and go on writing until it is killed.
  /// - Returns: Where the backup was moved to; there is no folder for backups any more.
  private func endWithBackup(_ daemon: DaemonProcess) async throws -> String {
    let made = try await daemon.command("backup", "create").out
    let elsewhere = "\(daemon.folder)/elsewhere.sqlite"
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    daemon.signal(SIGKILL)
    await daemon.ended()
    try files.moveItem(
      atPath: made.trimmingCharacters(in: .whitespacesAndNewlines), toPath: elsewhere)
    for name in ["takeover.sock", "backups"] {
      try files.removeItem(atPath: "\(daemon.folder)/state/\(name)")
    }
    return elsewhere
  }

  /// Starts a daemon on the same directory that ends by itself once its store is open.
  /// - Returns: What it says.
  private func start(_ daemon: DaemonProcess) async throws -> String {
    try await Program.run([
      "serve", "--state-directory", "\(daemon.folder)/state", "--control-socket", daemon.socket,
      "--metadata-port", "\(daemon.port)", "--apply", "/nothing-here",
    ]).error
  }
}

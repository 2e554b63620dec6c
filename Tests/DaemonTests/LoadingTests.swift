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
    let change = """
      import sqlite3, sys
      database = sqlite3.connect(sys.argv[1])
      database.execute("UPDATE resource SET document = '{' WHERE kind = 'Instance'")
      database.commit()
      """
    let state = "\(daemon.folder)/state"
    try await Program.tool("python3", "-c", change, "\(state)/nameplate.sqlite")
    let output = try await Program.run([
      "serve", "--state-directory", state, "--control-socket", daemon.socket,
      "--metadata-listen", "127.0.0.1", "--metadata-port", "\(try FreePort.find())",
    ])
    #expect(output.status == 1)
    #expect(output.error.contains("nameplate.sqlite holds Instance "), "\(output.error)")
    #expect(output.error.contains("whose document cannot be read"), "\(output.error)")
    #expect(output.error.contains("nameplate backup restore"), "\(output.error)")
  }
}

import Foundation
import TestKit
import Testing

/// The clock of a real daemon is set while it runs, by libfaketime.
@Suite(
  "A clock that jumps", .enabled(if: FakeClock.isPossible, "libfaketime cannot be used here"),
  .serialized, .timeLimit(.minutes(3)))
struct ClockTests {
  private static let path = "/latest/meta-data/hostname"

  @Test(
    "whichever way it jumps: who is held is answered, tokens are given, budgets neither freeze nor end",
    arguments: ["+1h", "+40d", "-1h", "-40d", "-27y", "-60y"])
  func jumps(to offset: String) async throws {
    let clock = try FakeClock()
    defer { clock.remove() }
    let daemon = try await DaemonProcess(
      prefix: clock.prefix, manifest: DaemonTests.manifest,
      options: StoreFaults.noBackups + [
        "--unknown-guest-hold-seconds", "8", "--guest-requests-per-second", "1",
        "--guest-request-burst", "20",
      ])
    defer { daemon.stop() }
    let url = "http://127.0.0.1:\(daemon.port)\(Self.path)"
    async let held = Program.tool(
      "curl", "-s", "--max-time", "20", "--interface", "127.0.0.77", "-w", " %{http_code}", url)
    while !(try await Program.tool(
      "curl", "-s", "--unix-socket", daemon.socket, "http://nameplate/v1/strangers"
    ).contains("127.0.0.77")) {}
    try clock.set(offset)
    let late = "kind: Instance\nhostname: late\ninterfaces:\n- address: 127.0.0.77\n"
    #expect(try await daemon.command("apply", "-f", "-", input: late).status == 0)
    #expect(try await held == "late 200")
    let token = try await Self.token(daemon, seconds: 60)
    #expect(try await Self.status(daemon, token) == "200")
    // The audit log has the time that the clock had.
    let audit = try await daemon.command("audit", "list", "--output", "json")
    #expect(audit.out.contains("\"\(clock.month(at: offset))-"), "\(offset): \(audit.out)")
    var answered = 0
    while try await Self.status(daemon) == "200" { answered += 1 }
    #expect(answered < 60)
    try clock.set("+0")
    while try await Self.status(daemon) != "200" {}
    #expect(try await daemon.command("status").status == 0)
  }

  @Test("a session token ends by the clock, and one from the future is good within five minutes")
  func tokens() async throws {
    let clock = try FakeClock()
    defer { clock.remove() }
    let daemon = try await DaemonProcess(prefix: clock.prefix, manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    let token = try await Self.token(daemon, seconds: 60)
    for (offset, status) in [
      ("+0", "200"), ("+2m", "401"), ("-2m", "200"), ("-1h", "401"), ("-60y", "401"), ("+0", "200"),
    ] {
      try clock.set(offset)
      #expect(try await Self.status(daemon, token) == status, "\(offset)")
    }
    // Started with a clock that is wrong, it gives tokens all the same; they are good when it is right.
    daemon.signal(SIGTERM)
    await daemon.ended()
    try clock.set("+40d")
    try await daemon.start()
    #expect(try await Self.status(daemon, try await Self.token(daemon, seconds: 60)) == "200")
    try clock.set("+0")
    #expect(try await Self.status(daemon, try await Self.token(daemon, seconds: 60)) == "200")
    #expect(try await Self.status(daemon, token) == "200")
  }

  @Test("an access ends by the clock, and who is slowed down is not kept waiting until it is back")
  func access() async throws {
    let clock = try FakeClock()
    defer { clock.remove() }
    let remote = try await RemoteFixture(prefix: clock.prefix)
    defer { remote.stop() }
    let token = try await remote.access("ci", "--role", "reader", "--expires", "1h")
    func status(_ token: String) async throws -> String {
      try await remote.curl("-H", "Authorization: Bearer \(token)").out
    }
    for (offset, expected) in [("+0", "200"), ("+2h", "401"), ("-1h", "200"), ("+40m", "200")] {
      try clock.set(offset)
      #expect(try await status(token) == expected, "\(offset)")
    }
    while try await status("npt_\(String(repeating: "A", count: 43))") != "429" {}
    try clock.set("+0")
    while try await status(token) != "200" {}
  }

  @Test("a backup that was made with a clock that was ahead does not put off the next one")
  func backups() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    func count() async throws -> Int {
      try await daemon.command("backup", "list", "--output", "json").out
        .ranges(of: "\"name\"").count
    }
    while try await count() < 1 {}
    #expect(await StoreFaults.write("more", to: daemon) == nil)
    daemon.signal(SIGTERM)
    await daemon.ended()
    // The kernel's clock is not ours to set: this is what it would have left.
    let folder = "\(daemon.folder)/state/backups"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: 40 * 86_400)],
        ofItemAtPath: "\(folder)/\(name)")
    }
    try await daemon.start()
    while try await count() < 2 {}
  }

  private static func token(_ daemon: DaemonProcess, seconds: Int) async throws -> String {
    try await Program.tool(
      "curl", "-sf", "--max-time", "10", "-X", "PUT", "-H",
      "X-aws-ec2-metadata-token-ttl-seconds: \(seconds)",
      "http://127.0.0.1:\(daemon.port)/latest/api/token")
  }

  private static func status(_ daemon: DaemonProcess, _ token: String? = nil) async throws -> String
  {
    try await ChildProcess.run(
      ["curl", "-s", "-o", "/dev/null", "--max-time", "10", "-w", "%{http_code}"]
        + (token.map { ["-H", "X-aws-ec2-metadata-token: \($0)"] } ?? [])
        + ["http://127.0.0.1:\(daemon.port)\(path)"]
    ).out
  }
}

/// A clock that is set by a file; what measures how long something takes is left as it is.
struct FakeClock {
  private static let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
  /// Not beside a sanitizer: both stand in for the C library's calls, and with both the tests did not end.
  static let isPossible =
    FileManager.default.fileExists(atPath: library) && !Sanitizer.isPresent
  private let file: String

  init() throws {
    file = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try set("+0")
  }

  /// Before a program, to give it this clock.
  var prefix: [String] {
    [
      "env", "LD_PRELOAD=\(Self.library)", "FAKETIME_TIMESTAMP_FILE=\(file)", "FAKETIME_NO_CACHE=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1",
      // The first program that has it gets one more variable, and Swift looks for its arguments
      // before them. It is not to be ours.
      "env",
    ]
  }

  /// - Parameter offset: From the right time, as `-40d`.
  func set(_ offset: String) throws {
    try Data("\(offset)\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
  }

  /// Removes the file, and what the library has left of programs that have ended.
  func remove() {
    try? FileManager.default.removeItem(atPath: file)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
    where name.contains("faketime_") {
      guard let process = name.split(separator: "_").last.flatMap({ Int32($0) }),
        kill(process, 0) != 0
      else { continue }
      try? FileManager.default.removeItem(atPath: "/dev/shm/\(name)")
    }
  }

  /// The year and month that it has, as in a timestamp.
  func month(at offset: String) -> String {
    let units: [Character: Double] = ["m": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400]
    let number = Double(offset.dropLast()) ?? 0
    let date = Date(timeIntervalSinceNow: number * (offset.last.flatMap { units[$0] } ?? 1))
    return String(date.ISO8601Format().prefix(7))
  }
}

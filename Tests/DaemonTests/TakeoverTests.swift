import Foundation
import TestKit
import Testing

/// One daemon takes the place of another that runs on the same state directory, without a
/// supervisor.
@Suite("Taking over", .serialized, .timeLimit(.minutes(3)))
struct TakeoverTests {
  private static let guests = (1...6).map { "127.0.0.\($0)" }
  fileprivate static let manifest = DaemonTests.manifest.replacing(
    "- address: 127.0.0.1",
    with: "- addresses:\n" + guests.map { "  - ip: \($0)\n" }.joined())
  /// Guests of a test ask without a pause.
  private static let options = StoreFaults.noBackups + ["--guest-requests-per-second", "0"]

  private static func daemon(_ more: [String] = []) async throws -> DaemonProcess {
    try await DaemonProcess(manifest: manifest, options: options + more)
  }

  private static func load(on daemon: DaemonProcess) -> GuestLoad {
    GuestLoad(port: daemon.port, sources: guests, answer: "demo")
  }

  private static func expectNoFailure(_ load: GuestLoad) async {
    let seen = await load.stop()
    #expect(seen.failures.isEmpty, "\(seen.failures.count): \(seen.failures.prefix(5))")
    #expect(seen.answers.allSatisfy { $0 > 0 })
  }

  /// A manifest that a successor waits for while it starts, with the store loaded and nothing open.
  private struct Gate {
    let path: String

    init(in folder: String) throws {
      path = "\(folder)/gate-\(UUID())"
      guard unsafe mkfifo(path, 0o600) == 0 else { throw Program.Failed(text: "no pipe") }
    }

    /// Returns once the successor waits, and lets it go on.
    func open() async {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread {
          // It blocks until somebody reads.
          FileHandle(forWritingAtPath: path)?.write(Data(TakeoverTests.manifest.utf8))
          continuation.resume()
        }
      }
    }
  }

  @Test("restarted under load without a supervisor, no guest is refused, reset or told wrong")
  func underLoad() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let load = Self.load(on: daemon)
    for round in 1...5 {
      await load.answers(more: 20)
      let successor = try daemon.startSuccessor()
      #expect(try await daemon.replaced(by: successor) == 0)
      // Operators have the new one, too, and what they write is kept.
      #expect(await StoreFaults.write("w\(round)", to: daemon) == nil)
    }
    await load.answers(more: 20)
    await Self.expectNoFailure(load)
    let found = try await StoreFaults.found(in: daemon)
    for round in 1...5 { #expect(found["w\(round)"] == 3) }
    let files = try FileManager.default.contentsOfDirectory(atPath: daemon.folder)
    #expect(files.filter { $0.hasPrefix(".") }.isEmpty, "\(files)")
  }

  @Test("a guest whose request is held gets its answer, although its record lands in the successor")
  func early() async throws {
    let daemon = try await Self.daemon(["--unknown-guest-hold-seconds", "7"])
    defer { daemon.stop() }
    let url = "http://127.0.0.1:\(daemon.port)/latest/meta-data/hostname"
    async let answer = Program.tool(
      "curl", "-s", "--max-time", "20", "--interface", "127.0.0.77", "-w", " %{http_code}", url)
    var isHeld = false
    while !isHeld {
      let strangers = try await Program.tool(
        "curl", "-s", "--unix-socket", daemon.socket, "http://nameplate/v1/strangers")
      isHeld = strangers.contains("127.0.0.77")
    }
    let successor = try daemon.startSuccessor()
    #expect(await successor.lines.wait(for: " ready"))
    let declared = try await daemon.command(
      "apply", "-f", "-",
      input: "kind: Instance\nhostname: early\ninterfaces:\n- address: 127.0.0.77\n")
    #expect(declared.status == 0, "\(declared.error)")
    #expect(try await answer == "early 200")
    #expect(try await daemon.replaced(by: successor) == 0)
  }

  @Test(
    "while one takes over, guests are answered, writes are told why not, and nobody else starts")
  func between() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let gate = try Gate(in: daemon.folder)
    let successor = try daemon.startSuccessor(["--apply", gate.path])
    #expect(await successor.lines.wait(for: "catalogue loaded"))
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    let refusal = await StoreFaults.write("between", to: daemon)
    let process = "process \(successor.process.processIdentifier)"
    #expect(refusal?.contains("is being replaced by \(process)") == true, "\(refusal ?? "")")
    // It is no fault of the store's.
    #expect(try await daemon.command("status", "--output", "json").out.contains(#""store": "ok""#))
    func third() async throws -> Program.Output {
      try await Program.run([
        "serve", "--state-directory", "\(daemon.folder)/state", "--control-socket",
        "\(daemon.folder)/other.sock", "--metadata-port", "\(FreePort.find())",
      ])
    }
    #expect(try await third().error.contains("in use by another daemon"))
    await gate.open()
    #expect(try await daemon.replaced(by: successor) == 0)
    #expect(try await third().error.contains("in use by another daemon"))
    #expect(await StoreFaults.write("after", to: daemon) == nil)
  }

  enum Failure: String, CaseIterable {
    case configuration
    case listener
    case certificate
    case database
    case killed
  }

  @Test("a successor that cannot start leaves the daemon as it was", arguments: Failure.allCases)
  func failing(_ failure: Failure) async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    if failure == .database {
      // What is in the journal still would hide the damage.
      daemon.signal(SIGTERM)
      await daemon.ended()
      try await daemon.start()
    }
    let load = Self.load(on: daemon)
    await load.answers(more: 5)
    let database = "\(daemon.folder)/state/nameplate.sqlite"
    let gate = try Gate(in: daemon.folder)
    var options: [String] = []
    var sentence = "taking over"
    var undo = {}
    switch failure {
    case .configuration: (options, sentence) = (["--metadata-port", "0"], "metadata_port")
    case .listener:
      let taken = try FreePort.hold()
      undo = { close(taken.descriptor) }
      options = ["--listeners", "[{address: 127.0.0.1, port: \(taken.port)}]"]
      sentence = "port \(taken.port) is in use"
    case .certificate:
      options = [
        "--control-listen", "127.0.0.1:\(try FreePort.find())", "--control-tls-certificate-file",
        "/dev/null", "--control-tls-key-file", "/dev/null",
      ]
      sentence = "/dev/null"
    case .database:
      let file = try #require(FileHandle(forUpdatingAtPath: database))
      // The first page is in the journal.
      try file.seek(toOffset: 4096)
      let rest = try file.readToEnd() ?? Data()
      try file.seek(toOffset: 4096)
      try file.write(contentsOf: Data(repeating: 0x55, count: rest.count))
      sentence = "is damaged"
      undo = {
        try? file.seek(toOffset: 4096)
        try? file.write(contentsOf: rest)
        try? file.close()
      }
    case .killed: options = ["--apply", gate.path]
    }
    let successor = try daemon.startSuccessor(options)
    if failure == .killed {
      #expect(await successor.lines.wait(for: "catalogue loaded"))
      successor.process.signal(SIGKILL)
    }
    #expect(await successor.process.wait() != 0)
    #expect(await successor.lines.wait(for: sentence), "\(successor.lines.all)")
    undo()
    if failure != .configuration {
      #expect(await daemon.log(until: "has ended; this one goes on").contains("this one goes on"))
    }
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    // Nothing is left of it in the way of the next one.
    #expect(try await daemon.replaced(by: try daemon.startSuccessor()) == 0)
    #expect(try await StoreFaults.found(in: daemon)["after"] == 3)
    await Self.expectNoFailure(load)
  }

  @Test("a daemon that dies while it hands over leaves its successor all it needs")
  func predecessorKilled() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let load = Self.load(on: daemon)
    let gate = try Gate(in: daemon.folder)
    #expect(await StoreFaults.write("before", to: daemon) == nil)
    let successor = try daemon.startSuccessor(["--apply", gate.path])
    #expect(await successor.lines.wait(for: "catalogue loaded"))
    // Who has a connection to it is cut off, as in any crash; whoever comes now waits.
    _ = await load.stop()
    daemon.signal(SIGKILL)
    await daemon.ended()
    let late = Self.load(on: daemon)
    await gate.open()
    #expect(try await daemon.replaced(by: successor) == 128 + SIGKILL)
    await late.answers(more: 5)
    await Self.expectNoFailure(late)
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    let found = try await StoreFaults.found(in: daemon)
    #expect(found["before"] == 3 && found["after"] == 3)
  }

  @Test("where no daemon runs, it is an ordinary start")
  func alone() async throws {
    let daemon = try await Self.daemon(["--takeover"])
    defer { daemon.stop() }
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    daemon.signal(SIGKILL)
    await daemon.ended()
    // What a daemon that died has left is no daemon.
    try await daemon.start()
    #expect(await StoreFaults.write("after", to: daemon) == nil)
  }

  @Test("the control listener on the network follows once the old daemon has ended")
  func network() async throws {
    let remote = try await RemoteFixture()
    defer { remote.stop() }
    let daemon = remote.daemon
    #expect(try await daemon.replaced(by: try daemon.startSuccessor()) == 0)
    try await remote.access("reader", "--role", "reader")
    #expect(try await remote.command(["status"], token: "reader").status == 0)
  }

  @Test(
    "another user's program is handed nothing", .enabled(if: isRoot, "becoming another takes root"))
  func stranger() async throws {
    let daemon = try await Self.daemon()
    defer { daemon.stop() }
    let path = "\(daemon.folder)/state/takeover.sock"
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
    #expect((mode as? NSNumber)?.intValue == 0o600)
    try await Program.tool("chmod", "0755", "\(daemon.folder)/state")
    try await Program.tool("chmod", "0666", path)
    let stranger = try await Program.run(
      "/usr/bin/env",
      [
        "setpriv", "--reuid=65534", "--clear-groups", Program.path, "serve", "--takeover",
        "--state-directory", "\(daemon.folder)/state", "--control-socket", "/tmp/np-\(UUID())",
      ])
    #expect(stranger.status != 0 && stranger.error.contains("taking over"), "\(stranger.error)")
    #expect(await StoreFaults.write("after", to: daemon) == nil)
    #expect(!(await daemon.log(until: "catalogue loaded")).contains("handing over"))
  }

  @Test(
    "guests in network namespaces notice nothing either",
    .enabled(if: isRoot, "network namespaces need root"))
  func namespaces() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    let networks = ["net-a", "net-b"]
    try await farm.make(networks)
    let daemon = try await DaemonProcess(
      manifest: farm.manifest(networks),
      options: Self.options + ["--listeners", "[\(NamespaceTests.listener(farm))]"])
    defer { daemon.stop() }
    try await farm.shell(
      networks.map { network in
        """
        cat >\(daemon.folder)/\(network).sh <<'END'
        while [ ! -e \(daemon.folder)/stop ]; do
          curl -sf --max-time 20 http://\(NamespaceFarm.service)/latest/meta-data/hostname || echo -n "failed $?"
          echo
        done
        END
        """
      }.joined(separator: "\n"))
    let folder = daemon.folder
    let guests =
      networks.map { network in
        "ip netns exec \(farm.guest(network)) sh \(folder)/\(network).sh >\(folder)/\(network).log &"
      }.joined(separator: "\n") + "\nwait"
    async let load = farm.shell(guests)
    // However the test ends, the guests do.
    defer { _ = FileManager.default.createFile(atPath: "\(folder)/stop", contents: nil) }
    func answers(_ network: String) -> [String] {
      let text = try? String(contentsOfFile: "\(folder)/\(network).log", encoding: .utf8)
      return (text ?? "").split(separator: "\n").map(String.init)
    }
    for _ in 1...3 {
      let before = networks.map { answers($0).count }
      while zip(networks, before).contains(where: { answers($0).count < $1 + 10 }) {
        await Task.yield()
      }
      #expect(try await daemon.replaced(by: try daemon.startSuccessor()) == 0)
    }
    _ = FileManager.default.createFile(atPath: "\(folder)/stop", contents: nil)
    _ = try await load
    for network in networks {
      let others = answers(network).filter { $0 != "guest-of-\(network)" }
      #expect(others.isEmpty, "\(network): \(others.prefix(5))")
    }
    #expect(try await daemon.command("listener", "list").out.contains("net-b"))
  }
}

extension FreePort {
  /// A port that somebody listens at until the descriptor is closed.
  static func hold() throws -> (port: Int, descriptor: Int32) {
    let (descriptor, port) = try SocketAddress.bound()
    guard listen(descriptor, 1) == 0 else { throw Program.Failed(text: "no port") }
    return (port, descriptor)
  }
}

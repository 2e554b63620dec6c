import Foundation
import TestKit
import Testing

/// The real program, run as an operator runs it.
struct Program {
  static var path: String { path("nameplate") }

  /// Where the build puts a program: beside the tests.
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  typealias Output = ChildProcess.Output

  /// Runs the program itself to its end.
  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) async throws -> Output {
    try await run(path, arguments, input: input, environment: environment)
  }

  /// Runs a program to its end.
  static func run(
    _ executable: String, _ arguments: [String], input: String? = nil,
    environment: [String: String] = [:]
  ) async throws -> Output {
    try await ChildProcess.run(
      [executable] + arguments, input: input ?? "", environment: environment)
  }

  /// Runs a tool that must succeed.
  @discardableResult
  static func tool(_ words: String...) async throws -> String {
    let output = try await ChildProcess.run(words)
    guard output.status == 0 else { throw Failed(text: "\(words): \(output.error)") }
    return output.out
  }

  struct Failed: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
  }
}

/// A running daemon with a folder of its own; ended and removed with ``stop()``.
final class DaemonProcess {
  let folder: String
  let port: Int
  private var process: ChildProcess?
  private let prefix: [String]
  private let options: [String]
  private var lines = LogLines()
  /// They are held for as long as somebody may log: a pipe that is let go of is closed.
  private var logs: [Pipe] = []

  var socket: String { "\(folder)/c.sock" }

  /// - Parameters:
  ///   - prefix: Words before the program, such as `ip netns exec NAME`.
  ///   - listen: The guests' address.
  init(
    prefix: [String] = [], listen: String = "127.0.0.1", port: Int? = nil,
    manifest: String? = nil, options: [String] = []
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    self.port = try port ?? FreePort.find()
    self.prefix = prefix
    var options = ["--metadata-listen", listen] + options
    if let manifest {
      try Data(manifest.utf8).write(to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
      options += ["--apply", "\(folder)/manifest.yaml"]
    }
    self.options = options
    do { try await start() } catch {
      signal(SIGKILL)
      stop()
      throw error
    }
  }

  /// Starts the program and returns once it says that it is ready.
  func start() async throws {
    process = try launch([], lines)
    guard await lines.wait(for: " ready") else {
      throw Program.Failed(text: "the daemon is not ready: \(lines.all)")
    }
    lines.forget(" ready")
  }

  private func launch(_ more: [String], _ lines: LogLines) throws -> ChildProcess {
    let pipe = Pipe()
    logs.append(pipe)
    let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let process = try ChildProcess(
      prefix + [
        Program.path, "serve", "--state-directory", "\(folder)/state", "--control-socket", socket,
        "--metadata-port", "\(port)",
      ] + options + more,
      descriptors: [null, null, pipe.fileHandleForWriting.fileDescriptor])
    try pipe.fileHandleForWriting.close()
    lines.read(pipe.fileHandleForReading)
    return process
  }

  /// Another program that is started to take this one's place, and what it logs.
  struct Successor {
    let process: ChildProcess
    let lines: LogLines
  }

  func startSuccessor(_ more: [String] = []) throws -> Successor {
    let lines = LogLines()
    return Successor(process: try launch(["--takeover"] + more, lines), lines: lines)
  }

  /// Waits until a successor has taken over and is ready; it is this daemon then.
  /// - Returns: The exit status of the one before.
  func replaced(by successor: Successor) async throws -> Int32 {
    guard await successor.lines.wait(for: " ready") else {
      throw Program.Failed(text: "the successor is not ready: \(successor.lines.all)")
    }
    successor.lines.forget(" ready")
    let before = process
    process = successor.process
    lines = successor.lines
    return await before?.wait() ?? 0
  }

  /// All that has been logged, once it has a text, or the daemon has ended.
  func log(until text: String, at place: SourceLocation = #_sourceLocation) async -> String {
    _ = await lines.wait(for: text, at: place)
    return lines.all
  }

  var processIdentifier: pid_t { process?.processIdentifier ?? 0 }

  func signal(_ number: Int32) { process?.signal(number) }

  /// Its exit status, once it has ended.
  @discardableResult
  func ended() async -> Int32 { await process?.wait() ?? 0 }

  func stop() {
    signal(SIGTERM)
    process?.waitHere()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a command against this daemon.
  func command(_ words: String..., input: String? = nil) async throws -> Program.Output {
    try await Program.run(words + ["--socket", socket], input: input)
  }

  /// What curl gets, from a source address.
  func curl(_ path: String, from source: String = "127.0.0.1") async throws -> String {
    try await Program.tool(
      "curl", "-sf", "--max-time", "10", "--interface", source, "http://127.0.0.1:\(port)\(path)")
  }
}

/// Ports that nobody has.
enum FreePort {
  /// A port that is kept for who asked, until the tests are over: a socket that does not listen has it.
  /// Whoever takes any port gets another one; whoever wants this one, and allows the reuse of addresses as
  /// servers do, can listen there.
  static func find() throws -> Int {
    try SocketAddress.bound(to: "0.0.0.0", isReusable: true).port
  }
}

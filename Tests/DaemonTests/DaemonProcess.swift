import Foundation
import Synchronization
import TestKit

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
    try await start()
  }

  /// Starts the program and returns once it says that it is ready.
  func start() async throws {
    process = try launch([], lines)
    guard await lines.wait(for: " ready") else {
      throw Program.Failed(text: "the daemon ended: \(lines.all)")
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
      throw Program.Failed(text: "the successor ended: \(successor.lines.all)")
    }
    successor.lines.forget(" ready")
    let before = process
    process = successor.process
    lines = successor.lines
    return await before?.wait() ?? 0
  }

  /// All that has been logged, once it has a text, or the daemon has ended.
  func log(until text: String) async -> String {
    _ = await lines.wait(for: text)
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

/// What a program has written so far, for who waits for a line of it.
final class LogLines: Sendable {
  private struct State {
    var text = ""
    var hasEnded = false
    /// Which program's lines they are: the end of one before may be heard late.
    var program = 0
    var waiters: [(text: String, continuation: CheckedContinuation<Bool, Never>)] = []
  }

  private let state = Mutex(State())

  var all: String { state.withLock { $0.text } }

  /// Reads until the other end is closed: what nobody reads would fill the pipe.
  func read(_ handle: FileHandle) {
    let program = state.withLock { state in
      state.hasEnded = false
      state.program += 1
      return state.program
    }
    handle.readabilityHandler = { handle in
      let data = handle.availableData
      if data.isEmpty { handle.readabilityHandler = nil }
      self.append(
        String(decoding: data, as: UTF8.self), isEnd: data.isEmpty, of: program)
    }
  }

  private func append(_ more: String, isEnd: Bool, of program: Int) {
    let (met, failed) = state.withLock { state in
      state.text += more
      let isEnd = isEnd && program == state.program
      if isEnd { state.hasEnded = true }
      let met = state.waiters.filter { state.text.contains($0.text) }
      let rest = state.waiters.filter { !state.text.contains($0.text) }
      state.waiters = isEnd ? [] : rest
      return (met, isEnd ? rest : [])
    }
    for waiter in met { waiter.continuation.resume(returning: true) }
    for waiter in failed { waiter.continuation.resume(returning: false) }
  }

  /// True once the text is there; false where the daemon has ended without it.
  func wait(for text: String) async -> Bool {
    await withCheckedContinuation { continuation in
      let answer: Bool? = state.withLock { state in
        if state.text.contains(text) { return true }
        if state.hasEnded { return false }
        state.waiters.append((text, continuation))
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  func forgetAll() { state.withLock { $0.text = "" } }

  /// Takes a text out, so that the next one is waited for.
  func forget(_ text: String) { state.withLock { $0.text.replace(text, with: "") } }
}

/// Ports that nobody has.
enum FreePort {
  static func find() throws -> Int {
    let (descriptor, port) = try SocketAddress.bound()
    close(descriptor)
    return port
  }
}

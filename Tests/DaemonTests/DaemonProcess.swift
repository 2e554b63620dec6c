import Dispatch
import Foundation
import Synchronization

/// The real program, run as an operator runs it.
struct Program {
  /// Where the build puts the program: beside the tests.
  static var path: String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("nameplate").path
  }

  struct Output {
    var status: Int32
    var out: String
    var error: String
  }

  /// Runs the program itself to its end.
  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) throws -> Output {
    try run(path, arguments, input: input, environment: environment)
  }

  /// Runs a program to its end.
  static func run(
    _ executable: String, _ arguments: [String], input: String? = nil,
    environment: [String: String] = [:]
  ) throws -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let folder = FileManager.default.temporaryDirectory
    let files = ["out", "err", "in"].map { folder.appendingPathComponent("np-\(UUID())-\($0)") }
    for file in files { try Data().write(to: file) }
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    try Data((input ?? "").utf8).write(to: files[2])
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    process.standardInput = try FileHandle(forReadingFrom: files[2])
    try process.run()
    process.waitUntilExit()
    return Output(
      status: process.terminationStatus,
      out: String(decoding: try Data(contentsOf: files[0]), as: UTF8.self),
      error: String(decoding: try Data(contentsOf: files[1]), as: UTF8.self))
  }

  /// Runs a tool that must succeed.
  @discardableResult
  static func tool(_ words: String...) throws -> String {
    let output = try run("/usr/bin/env", words)
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
  private(set) var process = Process()
  private let prefix: [String]
  private let options: [String]
  private let lines = LogLines()

  var socket: String { "\(folder)/c.sock" }

  /// - Parameters:
  ///   - prefix: Words before the program, such as `ip netns exec NAME`.
  ///   - listen: The guests' address.
  init(
    prefix: [String] = [], listen: String = "127.0.0.1", port: Int? = nil,
    manifest: String? = nil, options: [String] = []
  ) throws {
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
    try start()
  }

  /// Starts the program and returns once it says that it is ready.
  func start() throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      prefix + [
        Program.path, "serve", "--state-directory", "\(folder)/state", "--control-socket", socket,
        "--metadata-port", "\(port)",
      ] + options
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    var log = ""
    while !log.contains(" ready") {
      let data = pipe.fileHandleForReading.availableData
      guard !data.isEmpty else { throw Program.Failed(text: "the daemon ended: \(log)") }
      log += String(decoding: data, as: UTF8.self)
    }
    // What else is logged must not fill the pipe.
    lines.append(log)
    pipe.fileHandleForReading.readabilityHandler = { [lines] handle in
      let data = handle.availableData
      if data.isEmpty { handle.readabilityHandler = nil }
      lines.append(String(decoding: data, as: UTF8.self))
    }
  }

  /// All that has been logged, once it has a text; what there is after ten seconds without it.
  func log(until text: String) -> String { lines.wait(for: text) }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  func stop() {
    if process.isRunning {
      signal(SIGTERM)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Runs a command against this daemon.
  func command(_ words: String..., input: String? = nil) throws -> Program.Output {
    try Program.run(words + ["--socket", socket], input: input)
  }

  /// What curl gets, from a source address.
  func curl(_ path: String, from source: String = "127.0.0.1") throws -> String {
    try Program.tool(
      "curl", "-sf", "--max-time", "10", "--interface", source, "http://127.0.0.1:\(port)\(path)")
  }
}

/// What a daemon has logged so far, for who waits for a line of it.
private final class LogLines: Sendable {
  private let text = Mutex("")
  private let grown = DispatchSemaphore(value: 0)

  func append(_ more: String) {
    text.withLock { $0 += more }
    grown.signal()
  }

  func wait(for wanted: String) -> String {
    let deadline = DispatchTime.now() + 10
    while true {
      let now = text.withLock { $0 }
      if now.contains(wanted) || grown.wait(timeout: deadline) == .timedOut { return now }
    }
  }
}

/// Ports that nobody has.
enum FreePort {
  static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe bind(descriptor, generic, length) == 0
          && getsockname(descriptor, generic, &length) == 0
      }
    }
    guard bound else { throw Program.Failed(text: "no free port") }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

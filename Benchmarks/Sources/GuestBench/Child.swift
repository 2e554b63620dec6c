import Foundation
import Glibc

/// A program that was started in a process group of its own. Whoever starts one stops it.
final class Child {
  let processID: pid_t
  let name: String
  /// Where its output goes, errors too.
  let log: String
  private var status: Int32?

  /// - Parameter arguments: The program, looked up in PATH, and its arguments.
  init(_ arguments: [String], log: String, environment extra: [String: String] = [:]) throws {
    name = arguments.first ?? "?"
    self.log = log
    // Should the bench itself be killed, the kernel asks what it started to end; SIGTERM, because
    // workers of nginx outlive a master that has no time to tell them.
    let command = ["setpriv", "--pdeathsig", "TERM", "--"] + arguments
    var environment = ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("NAMEPLATE_") }
      .merging(extra) { $1 }
    // nginx lives in /usr/sbin, which a user's PATH may lack.
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    unsafe setenv("PATH", environment["PATH"] ?? "", 1)
    processID = try Child.spawn(
      command, environment.map { "\($0.key)=\($0.value)" }, log: log)
  }

  private static func spawn(_ command: [String], _ environment: [String], log: String) throws
    -> pid_t
  {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    unsafe posix_spawnattr_setpgroup(&attributes, 0)

    var argv = unsafe command.map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer { unsafe (argv + envp).forEach { unsafe free($0) } }
    var processID = pid_t()
    let error = unsafe posix_spawnp(
      &processID, command[0], &actions, &attributes, &argv, &envp)
    guard error == 0 else {
      let reason = unsafe String(cString: strerror(error))
      throw BenchError("\(command.joined(separator: " ")): \(reason)")
    }
    return processID
  }

  /// The exit status as waitpid has it, or nil while it runs.
  func poll() -> Int32? {
    if let status { return status }
    var raw: Int32 = 0
    if unsafe waitpid(processID, &raw, WNOHANG) == processID { status = raw }
    return status
  }

  /// Waits for its end, at most so long.
  func wait(seconds: Int) throws -> Int32 {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      if let status = poll() { return status }
      try Interrupt.check()
      guard ContinuousClock.now < deadline else {
        throw BenchError("\(name) has not ended after \(seconds) s")
      }
      pause(milliseconds: 10)
    }
  }

  /// Ends it and all that it started: politely first, within 12 s in any case.
  func stop() {
    guard poll() == nil else { return }
    kill(processID, SIGTERM)
    let deadline = ContinuousClock.now + .seconds(12)
    while poll() == nil, ContinuousClock.now < deadline { pause(milliseconds: 10) }
    kill(-processID, SIGKILL)
    var raw: Int32 = 0
    if status == nil { unsafe waitpid(processID, &raw, 0) }
    status = status ?? raw
  }

  /// What it wrote.
  var output: String {
    String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
  }

  /// Runs a program to its end and returns what it wrote; nil where it cannot be started.
  static func output(of arguments: [String], log: String) -> String? {
    guard let child = try? Child(arguments, log: log) else { return nil }
    defer { child.stop() }
    guard (try? child.wait(seconds: 10)) != nil else { return nil }
    return child.output
  }
}

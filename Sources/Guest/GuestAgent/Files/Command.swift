import Glibc

/// A tool of the system's, run to its end with what it reads from standard input. No shell.
enum Command {
  struct Result {
    /// The exit status, or 128 and the signal's number.
    var status: Int32
    var output: [UInt8]
  }

  private static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]

  /// The first of these paths that can be run.
  static func find(_ name: String) -> String? {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map { "\($0)/\(name)" }
      .first { unsafe access($0, X_OK) == 0 }
  }

  /// - Parameter input: Secrets go in here and not into the arguments, which everybody may read.
  static func run(_ words: [String], input: [UInt8] = []) throws(AgentError) -> Result {
    let name = words.first ?? ""
    let inward = try pipe()
    let outward = try pipe()
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, inward.read, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, outward.write, 1)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var argv = unsafe words.map { unsafe strdup($0) } + [nil]
    var environment = unsafe Command.environment.map { unsafe strdup($0) } + [nil]
    defer { unsafe (argv + environment).forEach { unsafe free($0) } }
    var child = pid_t()
    let code = unsafe posix_spawn(&child, name, &actions, nil, &argv, &environment)
    close(inward.read)
    close(outward.write)
    defer { close(outward.read) }
    guard code == 0 else {
      close(inward.write)
      throw AgentError("cannot run \(name)", errno: code)
    }
    // What goes in is shorter than a pipe holds.
    _ = unsafe input.withUnsafeBytes { unsafe write(inward.write, $0.baseAddress, $0.count) }
    close(inward.write)
    let output = drain(outward.read)
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    return Result(
      status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F, output: output)
  }

  private static func pipe() throws(AgentError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe Glibc.pipe(&ends) == 0 else { throw AgentError("no pipe", errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func drain(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, bytes.count < 64 * 1024 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}

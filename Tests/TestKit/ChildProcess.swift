import Foundation
public import Glibc
import Synchronization

/// A program that a test has started.
///
/// Foundation's own waits for whatever has inherited one of its files, which can be another test's
/// daemon, and blocks the threads that tests run on; this waits for the process alone, elsewhere.
public final class ChildProcess: Sendable {
  public struct Failed: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
  }

  /// What a program that has ended leaves.
  public struct Output: Sendable, Hashable {
    /// The exit status, or 128 and the signal's number.
    public var status: Int32
    public var out: String
    public var error: String
  }

  public let processIdentifier: pid_t
  private let status = Mutex<Int32?>(nil)

  /// - Parameters:
  ///   - words: The program, looked up in PATH, and its arguments.
  ///   - environment: What is added to this process's own.
  ///   - descriptors: What becomes its standard input, output and error.
  public convenience init(
    _ words: [String], environment extra: [String: String] = [:], descriptors: [Int32]
  ) throws {
    try self.init(words, environment: extra, descriptors: descriptors, terminal: nil)
  }

  /// - Parameter terminal: The path of a terminal that becomes its standard input, output and error, in
  ///   a session of its own.
  public convenience init(
    _ words: [String], environment extra: [String: String] = [:], terminal: String
  ) throws {
    try self.init(words, environment: extra, descriptors: [], terminal: terminal)
  }

  private init(
    _ words: [String], environment extra: [String: String], descriptors: [Int32],
    terminal: String?
  ) throws {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (index, descriptor) in descriptors.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(index))
    }
    if let terminal {
      // The first that a session opens is its own.
      unsafe posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
      for index in 1...2 {
        unsafe posix_spawn_file_actions_adddup2(&actions, 0, Int32(index))
      }
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    // Threads of tests block signals, and a child would do as they do.
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    // What is ignored stays so in children, and nohup, a shell's & and frameworks ignore some.
    var heard = sigset_t()
    unsafe sigemptyset(&heard)
    for number in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM] {
      unsafe sigaddset(&heard, number)
    }
    unsafe posix_spawnattr_setsigdefault(&attributes, &heard)
    // POSIX_SPAWN_SETSID, which Swift's module of the C library leaves out.
    let session: Int32 = terminal == nil ? 0 : 0x80
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    let environment = ProcessInfo.processInfo.environment.merging(extra) { $1 }
    var argv = unsafe words.map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer { unsafe (argv + envp).forEach { unsafe free($0) } }
    var identifier = pid_t()
    let error = unsafe posix_spawnp(
      &identifier, words.first ?? "", &actions, &attributes, &argv, &envp)
    guard error == 0 else {
      throw Failed("\(words.first ?? ""): \(unsafe String(cString: strerror(error)))")
    }
    processIdentifier = identifier
  }

  /// Its exit status once it has ended, or 128 and the signal that ended it. A test that is out of time
  /// ends it.
  public func wait() async -> Int32 {
    await withTaskCancellationHandler {
      await elsewhere { self.waitHere() }
    } onCancel: {
      signal(SIGKILL)
    }
  }

  /// The same, with the calling thread: for what ends at once.
  @discardableResult
  public func waitHere() -> Int32 {
    if let status = status.withLock({ $0 }) { return status }
    // Reaped with the lock held: whoever signals it meanwhile need not wait, nor hits another process.
    _ = hasHappened(WEXITED)
    return status.withLock { status in
      if let status { return status }
      var raw: Int32 = 0
      while unsafe waitpid(processIdentifier, &raw, 0) < 0, errno == EINTR {}
      let code = ChildProcess.code(raw)
      status = code
      return code
    }
  }

  /// Returns once it has stopped, as by a signal: true; or has ended: false.
  public func isStopped() async -> Bool {
    await withTaskCancellationHandler {
      await elsewhere { self.hasHappened(WSTOPPED | WEXITED) == CLD_STOPPED }
    } onCancel: {
      signal(SIGKILL)
    }
  }

  /// Waits until something has happened to it, and leaves it as it is.
  private func hasHappened(_ events: Int32) -> Int32 {
    var info = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(processIdentifier), &info, events | WNOWAIT) < 0,
      errno == EINTR
    {}
    return unsafe info.si_code
  }

  /// Does what blocks away from the threads that tests run on.
  private func elsewhere<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }

  public func signal(_ number: Int32) {
    status.withLock { if $0 == nil { kill(processIdentifier, number) } }
  }

  private static func code(_ raw: Int32) -> Int32 {
    raw & 0x7F == 0 ? raw >> 8 & 0xFF : 128 + raw & 0x7F
  }

  // MARK: Whole runs

  /// Runs a program to its end, away from the threads that tests run on.
  public static func run(
    _ words: [String], input: String = "", environment: [String: String] = [:]
  ) async throws -> Output {
    let files = try Files(input: input)
    defer { files.close() }
    let child = try ChildProcess(words, environment: environment, descriptors: files.descriptors)
    return files.output(status: await child.elsewhere { child.waitHere() })
  }

  /// The same with the calling thread, for taking things away at a test's end.
  @discardableResult
  public static func runHere(_ words: [String], input: String = "") throws -> Output {
    let files = try Files(input: input)
    defer { files.close() }
    let child = try ChildProcess(words, descriptors: files.descriptors)
    return files.output(status: child.waitHere())
  }

  /// Input and output in files without names: no pipe that somebody must read in time.
  private struct Files {
    let descriptors: [Int32]

    init(input: String) throws {
      descriptors = (0..<3).map { _ in
        var path = Array("/tmp/np-XXXXXX".utf8CString)
        let descriptor = unsafe mkstemp(&path)
        unsafe unlink(path)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
      }
      guard descriptors.allSatisfy({ $0 >= 0 }) else { throw Failed("/tmp takes no file") }
      let bytes = Array(input.utf8)
      var written = 0
      while written < bytes.count {
        let count = unsafe bytes[written...].withUnsafeBytes {
          unsafe write(descriptors[0], $0.baseAddress, $0.count)
        }
        guard count > 0 else { throw Failed("the input cannot be written") }
        written += count
      }
      lseek(descriptors[0], 0, SEEK_SET)
    }

    func output(status: Int32) -> Output {
      Output(status: status, out: text(descriptors[1]), error: text(descriptors[2]))
    }

    private func text(_ descriptor: Int32) -> String {
      lseek(descriptor, 0, SEEK_SET)
      let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
      return String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    }

    func close() { for descriptor in descriptors { Glibc.close(descriptor) } }
  }
}

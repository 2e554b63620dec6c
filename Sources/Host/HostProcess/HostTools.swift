import Glibc
import Subprocess
import SystemPackage

/// A tool of the host that did not do what it was asked.
public struct HostToolError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Reason: Sendable, Hashable {
    /// The tool is not installed, or cannot be started.
    case notStarted(String)
    /// It ended with another status than 0; what it said, shortened.
    case failed(status: Int32, message: String)
    /// Nothing follows from it: it ran or printed beyond the bounds, was ended from outside, or could not
    /// be run for want of something else.
    case unanswered(String)
  }
  /// The command as it could be typed.
  public let command: String
  public let reason: Reason

  public init(command: String, reason: Reason) {
    self.command = command
    self.reason = reason
  }

  /// - Parameters:
  ///   - error: What has come of running the tool.
  ///   - duration: What it had been given.
  init(command: String, _ error: any Error, within duration: Duration) {
    self.command = command
    switch error {
    case is HostTools.DeadlineReached:
      reason = .unanswered("gave no answer within \(duration)")
    case let error as SubprocessError where error.code == .executableNotFound:
      reason = .notStarted("\(error)")
    case is CancellationError: reason = .unanswered("was given up")
    default: reason = .unanswered("\(error)")
    }
  }

  /// Whether the tool is not there.
  public var isMissingTool: Bool {
    if case .notStarted = reason { true } else { false }
  }

  public var description: String {
    switch reason {
    case .notStarted(let why): "`\(command)` cannot be started: \(why)"
    case .failed(let status, let message): "`\(command)` failed (\(status)): \(message)"
    case .unanswered(let why): "`\(command)`: \(why)"
    }
  }
}

/// Runs the host's own tools (nft, iptables, ip, cat, mcopy), in a network namespace where one is named.
public struct HostTools: Sendable, Hashable {
  /// A name under /run/netns; nil for the namespace of this process.
  public var namespace: String?

  /// A ruleset of tens of thousands of rules is a few MiB.
  static let maximumOutputBytes = 64 * 1024 * 1024
  static let maximumErrorBytes = 64 * 1024
  /// iptables waits for its lock; nothing else takes long.
  static let maximumDuration = Duration.seconds(20)

  public init(namespace: String? = nil) {
    self.namespace = namespace
  }

  /// Runs a tool to its end.
  /// - Parameters:
  ///   - input: What it reads from its standard input.
  ///   - environment: What is added to this process's own.
  /// - Returns: What it printed.
  /// - Throws: ``HostToolError``, with what the tool said.
  @discardableResult
  public func run(
    _ tool: String, _ arguments: [String] = [], input: String = "",
    environment: [String: String] = [:]
  ) async throws(HostToolError) -> String {
    var words = [tool] + arguments
    if let namespace { words = ["ip", "netns", "exec", namespace] + words }
    let command = words.joined(separator: " ")
    let result: (status: TerminationStatus, out: String?, error: String?)
    var variables: [Environment.Key: String?] = ["PATH": HostTools.path, "LC_ALL": "C"]
    for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
    do {
      result = try await HostTools.withDeadline(HostTools.maximumDuration) { [words, variables] in
        let result = try await Subprocess.run(
          .name(words[0]), arguments: Arguments(Array(words.dropFirst())),
          environment: .inherit.updating(variables),
          input: .string(input),
          output: .string(limit: HostTools.maximumOutputBytes),
          error: .string(limit: HostTools.maximumErrorBytes))
        return (result.terminationStatus, result.standardOutput, result.standardError)
      }
    } catch {
      throw HostToolError(command: command, error, within: HostTools.maximumDuration)
    }
    switch result.status {
    case .exited(0): return result.out ?? ""
    case .exited(let status):
      let message = (result.error ?? "").split(separator: "\n").prefix(4).joined(separator: " ")
      throw HostToolError(
        command: command, reason: .failed(status: status, message: String(message.prefix(500))))
    case .signaled(let signal):
      throw HostToolError(
        command: command, reason: .unanswered("was ended by signal \(signal)"))
    }
  }

  /// The tools of an administrator are not on everybody's path.
  static let path: String = {
    let own = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
    return own + ":/usr/local/sbin:/usr/sbin:/sbin"
  }()

  struct DeadlineReached: Error {}

  static func withDeadline<Value: Sendable>(
    _ duration: Duration, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: duration)
        throw DeadlineReached()
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw DeadlineReached() }
      return value
    }
  }
}

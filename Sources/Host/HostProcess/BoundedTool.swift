import Subprocess
import SystemPackage

/// Runs a tool that reads what somebody hostile wrote: with bounds on its memory and time, in a folder
/// of the caller's, and with whatever status it ends.
public struct BoundedTool: Sendable {
  /// Where it runs.
  public let folder: String
  /// Address space, in bytes.
  public var maximumMemoryBytes = 2 << 30
  public var maximumProcessorSeconds = 1800
  public var maximumDuration = Duration.seconds(3600)
  public var maximumOutputBytes = 64 * 1024 * 1024

  public init(in folder: String) { self.folder = folder }

  public enum Ending: Sendable, Hashable {
    case exited(Int32)
    /// It was ended by a signal, of its own fault or for passing a bound.
    case signaled(Int32)
    /// It is not installed, or may not be run.
    case notStarted
  }

  public struct Output: Sendable {
    public var ending: Ending
    public var out: [UInt8]
    public var error: String
  }

  /// - Throws: ``HostToolError`` where it printed or took more than it may.
  public func run(_ tool: String, _ arguments: [String]) async throws(HostToolError) -> Output {
    let command = ([tool] + arguments).joined(separator: " ")
    do {
      return try await HostTools.withDeadline(maximumDuration) { [self] in
        let result = try await Subprocess.run(
          .name("prlimit"), arguments: Arguments(words(tool, arguments)),
          environment: .inherit.updating(["PATH": HostTools.path, "LC_ALL": "C"]),
          workingDirectory: FilePath(folder), input: .none,
          output: .bytes(limit: maximumOutputBytes),
          error: .string(limit: HostTools.maximumErrorBytes))
        return Output(
          ending: BoundedTool.ending(result.terminationStatus), out: result.standardOutput,
          error: result.standardError)
      }
    } catch {
      throw HostToolError(command: command, error, within: maximumDuration)
    }
  }

  /// What prlimit is told.
  func words(_ tool: String, _ arguments: [String]) -> [String] {
    ["--as=\(maximumMemoryBytes)", "--cpu=\(maximumProcessorSeconds)", "--core=0", "--", tool]
      + arguments
  }

  /// prlimit says with 127 and 126 that there is nothing to run.
  static func ending(_ status: TerminationStatus) -> Ending {
    switch status {
    case .exited(127), .exited(126): .notStarted
    case .exited(let code): .exited(code)
    case .signaled(let signal): .signaled(signal)
    }
  }
}

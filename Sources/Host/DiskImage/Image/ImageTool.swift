import Glibc
import Subprocess
import SystemPackage

/// Runs the tools that know images: e2fsprogs', qemu-img, cp. They read what a guest wrote, so each
/// is a process of its own with bounds, and what it prints is bounded too.
struct ImageTool: Sendable {
  /// Where it runs; names in its arguments are relative to here, and are ours.
  let folder: String

  struct Output: Sendable {
    var status: Int32
    var out: [UInt8]
    /// What it said, a line each.
    var complaints: [String]
  }

  /// Directory listings of a hundred thousand names, and the largest file that is read.
  static let maximumOutputBytes = 64 * 1024 * 1024
  private static let maximumErrorBytes = 256 * 1024
  /// A copy of a large image on a slow disk.
  private static let maximumDuration = Duration.seconds(3600)
  /// e2fsck needs about a byte for each block of a file system; what needs more is not an image.
  private static let maximumMemoryBytes = 2 << 30
  private static let maximumProcessorSeconds = 1800

  init(in folder: String) { self.folder = folder }

  /// Runs a tool to its end, whatever its status is.
  func run(_ tool: String, _ arguments: [String]) async throws(DiskImageError) -> Output {
    let words =
      [
        "--as=\(ImageTool.maximumMemoryBytes)", "--cpu=\(ImageTool.maximumProcessorSeconds)",
        "--core=0", "--", tool,
      ] + arguments
    let result: (status: TerminationStatus, out: [UInt8], error: String?)
    do {
      result = try await ImageTool.withDeadline { [folder] in
        let result = try await Subprocess.run(
          .name("prlimit"), arguments: Arguments(words),
          environment: .inherit.updating(["PATH": ImageTool.path, "LC_ALL": "C"]),
          workingDirectory: FilePath(folder), input: .none,
          output: .bytes(limit: ImageTool.maximumOutputBytes),
          error: .string(limit: ImageTool.maximumErrorBytes))
        return (result.terminationStatus, result.standardOutput, result.standardError)
      }
    } catch is DeadlineReached {
      throw DiskImageError(.host, "\(tool) did not end within \(ImageTool.maximumDuration)")
    } catch {
      throw DiskImageError(
        .host, "\(tool) could not be run, or printed beyond its bounds: \(error)")
    }
    let complaints = ImageTool.lines(result.error ?? "")
    switch result.status {
    case .exited(127), .exited(126):
      throw DiskImageError(.host, "\(tool) is not installed (\(ImageTool.package(of: tool)))")
    case .exited(let status):
      return Output(status: status, out: result.out, complaints: complaints)
    case .signaled(let signal):
      throw DiskImageError(
        .damaged, "\(tool) ended by signal \(signal): the image is beyond what it can read")
    }
  }

  /// Runs a tool that must succeed.
  @discardableResult
  func require(_ tool: String, _ arguments: [String]) async throws(DiskImageError) -> [UInt8] {
    let output = try await run(tool, arguments)
    guard output.status == 0 else {
      let said = output.complaints.prefix(3).joined(separator: "; ")
      throw DiskImageError(.host, "\(tool) failed (\(output.status)): \(String(said.prefix(400)))")
    }
    return output.out
  }

  /// A tool's lines for a person: an image has its say in them, and must not in the terminal.
  static func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map { line in
      var scalars = String.UnicodeScalarView()
      for scalar in line.unicodeScalars {
        scalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
      }
      return String(scalars)
    }
  }

  private static func package(of tool: String) -> String {
    switch tool {
    case "qemu-img", "qemu-io": "on Debian: apt install qemu-utils"
    case "cp": "on Debian: apt install coreutils"
    default: "on Debian: apt install e2fsprogs"
    }
  }

  /// The tools of an administrator are not on everybody's path.
  private static let path: String = {
    let own = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
    return own + ":/usr/local/sbin:/usr/sbin:/sbin"
  }()

  private struct DeadlineReached: Error {}

  private static func withDeadline<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: maximumDuration)
        throw DeadlineReached()
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw DeadlineReached() }
      return value
    }
  }
}

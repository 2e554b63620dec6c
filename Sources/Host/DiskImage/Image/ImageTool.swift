import HostProcess

/// Runs the tools that know images: e2fsprogs', qemu-img, cp. They read what a guest wrote, so each
/// is a process of its own with bounds, and what it prints is bounded too.
struct ImageTool: Sendable {
  private let process: BoundedTool

  struct Output: Sendable {
    var status: Int32
    var out: [UInt8]
    /// What it said, a line each.
    var complaints: [String]
  }

  /// - Parameter folder: Where it runs; names in its arguments are relative to here, and are ours.
  init(in folder: String) { process = BoundedTool(in: folder) }

  /// Runs a tool to its end, whatever its status is.
  func run(_ tool: String, _ arguments: [String]) async throws(DiskImageError) -> Output {
    let result: BoundedTool.Output
    do {
      result = try await process.run(tool, arguments)
    } catch {
      throw DiskImageError(.host, error.description)
    }
    switch result.ending {
    case .notStarted:
      throw DiskImageError(.host, "\(tool) is not installed (\(ImageTool.package(of: tool)))")
    case .exited(let status):
      return Output(
        status: status, out: result.out, complaints: ImageTool.lines(result.error))
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
    case "qemu-img": "on Debian: apt install qemu-utils"
    case "cp": "on Debian: apt install coreutils"
    default: "on Debian: apt install e2fsprogs"
    }
  }
}

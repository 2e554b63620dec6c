import HostProcess

/// A running guestfish, libguestfs's shell: what is said to it is done by a kernel in a virtual
/// machine of its own (the appliance), which has the image as a disk, and nothing else of this host.
final class Guestfish {
  /// Where it runs; names of files of this host are relative to here, and are ours.
  let workspace: ImageWorkspace
  private let conversation: ToolConversation
  /// Printed after each answer. An image has its say in answers, and cannot guess it.
  private let end: String

  private static let maximumAnswerBytes = 1024 * 1024
  /// Starting takes a quarter of a minute without KVM, and the first time longer.
  private static let maximumLaunchDuration = Duration.seconds(300)
  /// A check of a large file system, without KVM.
  private static let maximumAnswerDuration = Duration.seconds(3600)

  private init(_ conversation: ToolConversation, _ workspace: ImageWorkspace) {
    self.conversation = conversation
    self.workspace = workspace
    end = "end-\(String(UInt64.random(in: .min ... .max), radix: 16))"
  }

  /// Starts it for a disk, and ends it after `body`.
  /// - Parameters:
  ///   - file: The raw disk, in the workspace.
  ///   - isReadOnly: What is written to the disk is forgotten.
  ///   - environment: What it is told beside this process's own environment.
  ///   - willLaunch: Is called before its virtual machine is started.
  /// - Returns: What `body` returned; nil where guestfish is not installed.
  static func run<Value: Sendable>(
    on file: String, isReadOnly: Bool, in workspace: ImageWorkspace,
    environment: [String: String], willLaunch: @escaping @Sendable () -> Void,
    _ body: @escaping @Sendable (Guestfish) async throws(DiskImageError) -> Value
  ) async throws(DiskImageError) -> Value? {
    var tool = BoundedTool(in: workspace.folder)
    // QEMU, with the appliance's 1.25 GiB and its own translations of the appliance's code.
    tool.maximumMemoryBytes = 8 << 30
    tool.maximumProcessorSeconds = 3600
    let ended: (value: Result<Value, DiskImageError>, ending: BoundedTool.Ending)
    do {
      ended = try await tool.converse(
        with: "guestfish", ["--no-progress-bars"],
        environment: fixed.merging(environment) { own, _ in own }
      ) { conversation in
        let guestfish = Guestfish(conversation, workspace)
        do throws(DiskImageError) {
          try await guestfish.run("add-drive", file, "readonly:\(isReadOnly)", "format:raw")
          willLaunch()
          try await guestfish.launch()
          let value = try await body(guestfish)
          // Only now all is in the file.
          try await guestfish.run("shutdown")
          return .success(value)
        } catch { return .failure(error) }
      }
    } catch { throw DiskImageError(.host, error.description) }
    if case .failure = ended.value, ended.ending == .notStarted { return nil }
    return try ended.value.get()
  }

  /// By itself, without libvirt, and saying nothing that was not asked for.
  private static let fixed = [
    "LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_DEBUG": "0", "LIBGUESTFS_TRACE": "0",
  ]

  private func launch() async throws(DiskImageError) {
    let answer = try await answer(to: "run", within: Guestfish.maximumLaunchDuration)
    guard !answer.isWhole else { return }
    throw DiskImageError(
      .host,
      "libguestfs cannot start its virtual machine (libguestfs-test-tool says more; it needs a "
        + "kernel in /boot that this user may read, on Debian: apt install linux-image-amd64): "
        + answer.lines.filter { !$0.isEmpty }.prefix(3).joined(separator: " ").prefix(300))
  }

  // MARK: Commands

  /// A command that must succeed.
  /// - Returns: What it printed, a line each.
  @discardableResult
  func run(_ words: String...) async throws(DiskImageError) -> [String] {
    // It ends where a command fails, after it said why.
    let answer = try await answer(
      to: try GuestfishScript.line(words), within: Guestfish.maximumAnswerDuration)
    guard answer.isWhole else { throw Guestfish.ended(answer.lines) }
    return answer.lines
  }

  /// A command that may fail.
  /// - Returns: What it printed, which may be why it failed.
  func ask(_ words: String...) async throws(DiskImageError) -> [String] {
    try await ask(line: try GuestfishScript.line(words))
  }

  /// A command that may fail, and prints nothing else than why.
  /// - Returns: That; nil where it succeeded.
  func attempt(_ words: String...) async throws(DiskImageError) -> String? {
    try await attempt(line: try GuestfishScript.line(words))
  }

  func attempt(line: String) async throws(DiskImageError) -> String? {
    let lines = try await ask(line: line)
    return lines.isEmpty ? nil : Guestfish.error(in: lines) ?? lines.joined(separator: " ")
  }

  private func ask(line: String) async throws(DiskImageError) -> [String] {
    let answer = try await answer(to: "-\(line)", within: Guestfish.maximumAnswerDuration)
    guard answer.isWhole else { throw Guestfish.ended(answer.lines) }
    return answer.lines
  }

  private func answer(to line: String, within duration: Duration)
    async throws(DiskImageError) -> (lines: [String], isWhole: Bool)
  {
    do {
      let answer = try await conversation.ask(
        "\(line)\necho \(end)\n", until: end, limit: Guestfish.maximumAnswerBytes, within: duration)
      return (ImageTool.lines(String(decoding: answer.bytes, as: UTF8.self)), answer.isWhole)
    } catch {
      throw DiskImageError(
        .host,
        "libguestfs: \(error.description). Where KVM hangs, "
          + "LIBGUESTFS_BACKEND_SETTINGS=force_tcg in the environment does without it")
    }
  }

  private static func ended(_ lines: [String]) -> DiskImageError {
    let said = error(in: lines) ?? lines.last ?? "guestfish has ended"
    return DiskImageError(.damaged, "the image's file system: \(said.prefix(300))")
  }

  /// `*stdin*:3: libguestfs: error: mount: …`
  static func error(in lines: [String]) -> String? {
    let mark = "libguestfs: error: "
    guard let index = lines.firstIndex(where: { $0.contains(mark) }),
      let range = lines[index].firstRange(of: mark)
    else { return nil }
    return ([String(lines[index][range.upperBound...])] + lines[(index + 1)...].prefix(2))
      .joined(separator: " ")
  }
}

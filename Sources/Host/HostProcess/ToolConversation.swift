import Glibc
import Subprocess
import SystemPackage

/// What is said to a running tool, and what it answers, one after the other.
public final class ToolConversation {
  private let execution: Execution<CustomWriteInput, SequenceOutput, CombinedErrorOutput>
  private var output: SubprocessOutputSequence.Iterator
  private var pending: [UInt8] = []

  init(_ execution: Execution<CustomWriteInput, SequenceOutput, CombinedErrorOutput>) {
    self.execution = execution
    output = execution.standardOutput.makeAsyncIterator()
  }

  public struct Answer: Sendable {
    /// What it printed, to its standard output and its standard error.
    public var bytes: [UInt8]
    /// Whether the end came; else the tool has ended before.
    public var isWhole: Bool
  }

  /// Sends text and reads until a line comes that the text makes the tool print.
  /// - Parameters:
  ///   - end: That line: what nobody who has a say in the answer can guess.
  ///   - limit: Bytes of an answer that are read at most.
  ///   - duration: After which the tool is killed.
  /// - Throws: ``HostToolError`` for an answer that is longer, or takes longer.
  public func ask(_ text: String, until end: String, limit: Int, within duration: Duration)
    async throws(HostToolError) -> Answer
  {
    let clock = ContinuousClock()
    let deadline = clock.now + duration
    let watch = Task { [execution] in
      try await Task.sleep(until: deadline, clock: clock)
      try execution.send(signal: .kill)
    }
    defer { watch.cancel() }
    // Where it has ended already, what it said before that is the answer.
    _ = try? await execution.standardInputWriter.write(text)
    let mark = Array("\(end)\n".utf8)
    var searched = 0
    while true {
      let place = ToolConversation.find(mark, in: pending, from: searched)
      guard place ?? pending.count <= limit else {
        throw HostToolError(
          command: ToolConversation.name(text),
          reason: .unanswered("answered more than \(limit) bytes"))
      }
      if let place {
        let answer = Array(pending[..<place])
        pending.removeFirst(place + mark.count)
        return Answer(bytes: answer, isWhole: true)
      }
      searched = max(0, pending.count - mark.count)
      guard let more = await next() else {
        guard clock.now < deadline else {
          throw HostToolError(
            command: ToolConversation.name(text),
            reason: .unanswered("gave no answer within \(duration)"))
        }
        defer { pending = [] }
        return Answer(bytes: pending, isWhole: false)
      }
      pending += more
    }
  }

  /// What was asked, for an error.
  private static func name(_ text: String) -> String {
    String(text.prefix { $0 != "\n" }.prefix(80))
  }

  private func next() async -> [UInt8]? {
    guard let buffer = try? await output.next(), !Task.isCancelled else { return nil }
    return unsafe buffer.withUnsafeBytes { unsafe Array($0) }
  }

  /// Where a line stands in bytes, at their start or after a line break.
  private static func find(_ mark: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count - mark.count >= start else { return nil }
    return (start...(bytes.count - mark.count)).first { place in
      (place == 0 || bytes[place - 1] == 0x0A)
        && bytes[place..<(place + mark.count)].elementsEqual(mark)
    }
  }
}

extension BoundedTool {
  /// Talks with a tool that reads commands from its standard input. Once `body` is through, its input
  /// ends and it is waited for; its input ends as well where this process does.
  /// - Parameter environment: What is added to this process's own.
  /// - Returns: What `body` came to, and how the tool ended.
  /// - Throws: ``HostToolError`` where all of it took longer than it may.
  public func converse<Value: Sendable>(
    with tool: String, _ arguments: [String], environment: [String: String],
    _ body: @escaping @Sendable (ToolConversation) async -> Value
  ) async throws(HostToolError) -> (value: Value, ending: Ending) {
    // Writing to a tool that has ended is an error, and not this process's end.
    signal(SIGPIPE, SIG_IGN)
    let command = ([tool] + arguments).joined(separator: " ")
    var variables: [Environment.Key: String?] = ["PATH": HostTools.path, "LC_ALL": "C"]
    for (name, value) in environment { variables[Environment.Key(stringLiteral: name)] = value }
    do {
      return try await HostTools.withDeadline(maximumDuration) { [self, variables] in
        let result = try await Subprocess.run(
          .name("prlimit"), arguments: Arguments(words(tool, arguments)),
          environment: .inherit.updating(variables), workingDirectory: FilePath(folder),
          input: .inputWriter, output: .sequence, error: .combinedWithOutput
        ) { execution in await body(ToolConversation(execution)) }
        return (result.closureResult, BoundedTool.ending(result.terminationStatus))
      }
    } catch {
      throw HostToolError(command: command, error, within: maximumDuration)
    }
  }
}

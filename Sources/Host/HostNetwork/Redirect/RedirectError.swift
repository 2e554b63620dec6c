public import HostProcess

/// A redirect that cannot be installed, removed or checked.
public enum RedirectError: Error, Sendable, Hashable, CustomStringConvertible {
  case tool(HostToolError)
  /// Neither nft nor iptables can be used.
  case noBackend(String)
  /// A chain has the name of one of ours and a rule of somebody else.
  case foreignChain(name: String, rule: String)
  case missingDevice(String)
  case plan(RedirectPlanError)
  /// The record of what was there before cannot be written or read.
  case record(path: String, problem: String)

  public var description: String {
    switch self {
    case .tool(let error): "\(error)"
    case .noBackend(let why): "neither nft nor iptables can be used here: \(why)"
    case .foreignChain(let name, let rule):
      "the chain \(name) is there already with a rule that is not ours ('\(rule)'); "
        + "choose another chain_prefix"
    case .missingDevice(let name): "there is no interface \(name); make it, or name another device"
    case .plan(let error): "\(error)"
    case .record(let path, let problem): "\(path): \(problem)"
    }
  }
}

extension HostTools {
  /// Runs a tool with the error of a redirect.
  func output(
    _ tool: String, _ arguments: [String] = [], input: String = ""
  ) async throws(RedirectError) -> String {
    do {
      return try await run(tool, arguments, input: input)
    } catch {
      throw .tool(error)
    }
  }

  func perform(_ steps: [RedirectStep]) async throws(RedirectError) {
    for step in steps {
      _ = try await output(step.tool, step.arguments, input: step.input)
    }
  }

  /// What a tool prints; nil where it is not there, or says that what it is asked for is not.
  /// - Throws: Where it did not answer, as on a busy host.
  func outputIfAny(
    _ tool: String, _ arguments: [String] = []
  ) async throws(RedirectError) -> String? {
    do {
      return try await run(tool, arguments)
    } catch {
      guard case .unanswered = error.reason else { return nil }
      throw .tool(error)
    }
  }
}

public import ControlAPI

/// Why a command got no answer.
public enum ControlClientError: Error, Sendable, Hashable {
  /// There is no socket at this path, or nobody listens on it.
  case noDaemon(path: String)
  /// The socket may not be used by this user.
  case notAllowed(path: String)
  /// The daemon refused.
  case problem(Problem)
  /// The connection broke, or what came back cannot be understood.
  case broken(String)
}

extension ControlClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noDaemon(let path):
      "no daemon listens on \(path); start it with `nameplate serve`, or say which with --socket"
    case .notAllowed(let path): "this user may not use \(path)"
    case .problem(let problem): problem.description
    case .broken(let text): text
    }
  }
}

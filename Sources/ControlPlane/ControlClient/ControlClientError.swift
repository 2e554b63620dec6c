public import ControlAPI

/// Why a command got no answer.
public enum ControlClientError: Error, Sendable, Hashable {
  /// There is no socket at this path, or nobody listens on it.
  case noDaemon(path: String)
  /// The socket may not be used by this user.
  case notAllowed(path: String)
  /// The server is not who it should be, or does not take us for who we are; the text says why.
  case untrusted(String)
  /// What the command was given to prove who it is cannot be used; the text says why.
  case unusable(String)
  /// The daemon refused.
  case problem(Problem)
  /// The connection broke, or what came back cannot be understood.
  case broken(String)
}

extension ControlClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noDaemon(let url) where url.hasPrefix("https://"):
      "no daemon answers at \(url); does it run, with control_listen set to that port?"
    case .noDaemon(let path):
      "no daemon listens on \(path); start it with `nameplate serve`, or say which with --socket"
    case .notAllowed(let path): "this user may not use \(path)"
    case .untrusted(let text), .unusable(let text): text
    case .problem(let problem): problem.description
    case .broken(let text): text
    }
  }
}

/// One thing of this machine that follows the service: it compares, and says what it would set.
public protocol Manager {
  /// What it looks after, for people.
  var name: String { get }

  /// Whether a config drive cannot do what it needs.
  var needsService: Bool { get }

  /// - Returns: nil where everything is as it should be.
  func difference(from metadata: InstanceMetadata) throws(AgentError) -> Difference?
}

extension Manager {
  public var needsService: Bool { false }
}

/// What a manager found, and how to set it right.
public struct Difference {
  /// What it is about.
  var title: String
  /// `- ` what would go, `+ ` what would come. No secrets.
  var lines: [String]
  /// What is true once it is set, for the console.
  var done: String
  var set: () throws(AgentError) -> Void
}

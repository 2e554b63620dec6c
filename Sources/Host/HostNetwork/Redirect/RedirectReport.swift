/// What an installation did.
public enum RedirectOutcome: Sendable, Hashable {
  /// Everything was in place: nothing was touched.
  case unchanged
  /// What was missing or wrong before, in an operator's words.
  case installed([String])
}

/// What a check found.
public struct RedirectReport: Sendable, Hashable {
  /// `auto` for a local redirect, which has no rules.
  public let backend: RedirectPlan.Backend
  /// Why this backend was chosen; empty for a local redirect.
  public let backendReason: String
  /// What is missing or wrong, in an operator's words.
  public let drift: [String]
  /// How many packets were translated, one for each connection; nil where nothing counts them.
  public let translatedPackets: UInt64?
  /// What an operator should know and the redirect cannot change.
  public let notes: [String]

  public var isInPlace: Bool { drift.isEmpty }
}

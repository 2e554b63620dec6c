/// What somebody may do on the operators' side. Each role may do all that the one before it may.
public enum Role: String, Sendable, CaseIterable, Comparable {
  /// Reads everything but secrets.
  case reader
  /// Declares, changes and deletes resources, and reads what they hold.
  case `operator`
  /// Gives and takes access, and reads the audit log.
  case admin

  private var rank: Int {
    switch self {
    case .reader: 0
    case .operator: 1
    case .admin: 2
    }
  }

  public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }
}

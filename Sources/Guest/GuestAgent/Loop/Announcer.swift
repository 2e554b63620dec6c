/// Decides which lines reach the console: something new at once, the same again after 1, 5, 30 and
/// then every 60 minutes. Reasons that take turns count as one another's repetition.
struct Announcer {
  private struct Line {
    var told: Int64
    var times: Int
  }

  private static let gaps: [Int64] = [60_000, 300_000, 1_800_000, 3_600_000]
  /// More different lines than a machine has reasons; then it starts anew.
  private static let most = 64
  private var lines: [String: Line] = [:]

  /// Whether to say it now.
  mutating func mayTell(_ line: String, at now: Int64) -> Bool {
    if let known = lines[line] {
      let gap = Announcer.gaps[min(known.times, Announcer.gaps.count) - 1]
      guard now - known.told >= gap else { return false }
      lines[line] = Line(told: now, times: known.times + 1)
      return true
    }
    if lines.count >= Announcer.most { lines = [:] }
    lines[line] = Line(told: now, times: 1)
    return true
  }

  /// All is well again: the next trouble is news.
  mutating func forget() { lines = [:] }
}

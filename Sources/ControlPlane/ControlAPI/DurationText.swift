/// A length of time as people write it: `30s`, `500ms`, `2m`, `1h`, `7d`, or a number of seconds.
public enum DurationText {
  /// - Returns: Nil for anything else, and for what is longer than 1,000 years.
  public static func parse(_ text: String) -> Duration? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty, digits.utf8.count <= 11, let number = Int64(digits) else { return nil }
    switch text.dropFirst(digits.count) {
    case "", "s": return .seconds(number)
    case "ms": return .milliseconds(number)
    case "m": return .seconds(number * 60)
    case "h": return .seconds(number * 3600)
    case "d" where number <= 365_000: return .seconds(number * 86_400)
    default: return nil
    }
  }
}

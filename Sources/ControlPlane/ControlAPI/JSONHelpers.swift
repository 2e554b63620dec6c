public import Inventory
import OrderedCollections

extension JSONValue {
  /// A map with its members in this order.
  public static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(OrderedDictionary(members, uniquingKeysWith: { _, last in last }))
  }

  /// A revision. It has no sign and so more room than an integer; JSON's numbers have both.
  public init(revision: Revision) {
    self = JSONNumber(jsonText: String(revision)).map(JSONValue.number) ?? 0
  }

  /// The revision, if this is one.
  public var revision: Revision? {
    if case .number(let number) = self { Revision(number.text) } else { nil }
  }

  /// The value as one line of NDJSON.
  public var line: [UInt8] { bytes + [0x0A] }
}

/// Seconds since 1970 and RFC 3339's form of them, `2025-04-04T10:00:00Z`.
public enum Timestamp {
  public static func text(secondsSince1970 seconds: Int) -> String {
    let days = Int((Double(seconds) / 86_400).rounded(.down))
    let second = seconds - days * 86_400
    let (year, month, day) = date(daysSince1970: days)
    let time = [second / 3600, second / 60 % 60, second % 60].map(padded).joined(separator: ":")
    return "\(padded(year, to: 4))-\(padded(month))-\(padded(day))T\(time)Z"
  }

  /// Reads what ``text(secondsSince1970:)`` writes, and nothing else.
  public static func seconds(_ text: String) -> Int? {
    let numbers = text.split { "-T:Z".contains($0) }.compactMap { Int($0) }
    guard text.utf8.count == 20, text.hasSuffix("Z"), numbers.count == 6 else { return nil }
    let days = self.days(year: numbers[0], month: numbers[1], day: numbers[2])
    let seconds = days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
    // Neither a day that no month has nor digits in other places.
    return self.text(secondsSince1970: seconds) == text ? seconds : nil
  }

  private static func padded(_ number: Int) -> String { padded(number, to: 2) }

  private static func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  /// The civil date by eras of 400 years that start in March, so that leap days end them.
  private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }

  private static func days(year: Int, month: Int, day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

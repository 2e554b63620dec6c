/// A moment in UTC by the Gregorian calendar, as `2025-04-04T12:00:00Z`.
public struct CivilTime: Sendable, Hashable, ASCIIText {
  private let year: Int
  private let month: Int
  private let day: Int
  private let secondOfDay: Int

  /// Days are counted in eras of 400 years from 0000-03-01, within which their pattern is fixed.
  /// Moments before 1970 count as 1970.
  public init(secondsSince1970: Int) {
    let seconds = max(0, secondsSince1970)
    let days = seconds / 86_400 + 719_468
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    year = yearOfEra + days / 146_097 * 400 + (month <= 2 ? 1 : 0)
    secondOfDay = seconds % 86_400
  }

  /// The day, as `2025-04-04`.
  public var date: String {
    String(decoding: TextBuffer.bytes(capacity: 16) { appendDate(to: &$0) }, as: UTF8.self)
  }

  public func append(to text: inout TextBuffer) {
    appendDate(to: &text)
    let parts = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60]
    for (letter, part) in zip("T::".utf8, parts) {
      text.append(letter)
      CivilTime.append(part, to: &text)
    }
    text.append(UInt8(ascii: "Z"))
  }

  private func appendDate(to text: inout TextBuffer) {
    text.append(decimal: year)
    for part in [month, day] {
      text.append(UInt8(ascii: "-"))
      CivilTime.append(part, to: &text)
    }
  }

  /// Two digits.
  private static func append(_ number: Int, to text: inout TextBuffer) {
    text.append(decimal: number / 10)
    text.append(decimal: number % 10)
  }
}

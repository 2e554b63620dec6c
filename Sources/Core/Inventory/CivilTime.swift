/// A moment in UTC by the Gregorian calendar.
public struct CivilTime: Sendable, Hashable, CustomStringConvertible {
  /// The day, as `2025-04-04`.
  public let date: String
  /// The moment, as `2025-04-04T12:00:00Z`.
  public let description: String

  /// Days are counted in eras of 400 years from 0000-03-01, within which their pattern is fixed.
  /// Moments before 1970 count as 1970.
  public init(secondsSince1970: Int) {
    let seconds = max(0, secondsSince1970)
    let days = seconds / 86_400 + 719_468
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + days / 146_097 * 400 + (month <= 2 ? 1 : 0)
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    date = "\(year)-\(two(month))-\(two(day))"
    let second = seconds % 86_400
    description = "\(date)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
  }
}

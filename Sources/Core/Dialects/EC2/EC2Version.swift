/// The versions of EC2's metadata: those that Nova serves, and the later ones of AWS that clients
/// ask for. They are called after the month they are dated.
enum EC2Version: String, Sendable, CaseIterable, Comparable {
  case original = "1.0"
  case january2007 = "2007-01-19"
  case march2007 = "2007-03-01"
  case august2007 = "2007-08-29"
  case october2007 = "2007-10-10"
  case december2007 = "2007-12-15"
  case february2008 = "2008-02-01"
  case september2008 = "2008-09-01"
  case april2009 = "2009-04-04"
  case september2016 = "2016-09-02"
  case september2018 = "2018-09-24"
  case october2019 = "2019-10-01"
  case january2021 = "2021-01-03"
  case march2021 = "2021-03-23"
  case july2021 = "2021-07-15"
  case april2024 = "2024-04-11"

  /// What `latest` stands for.
  static let latest = april2024

  /// The first version that follows AWS, where older ones follow Nova to the byte.
  static let firstOfAWS = september2016

  /// Reads a path's segment: a version, or `latest`. AWS answers only to its own dates, not to
  /// those between them.
  init?(segment: String) {
    if segment == "latest" {
      self = .latest
    } else {
      self.init(rawValue: segment)
    }
  }

  static func < (left: EC2Version, right: EC2Version) -> Bool { left.rawValue < right.rawValue }
}

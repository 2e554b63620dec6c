/// The versions of EC2's metadata: those that Nova serves, and the later ones of AWS that clients
/// ask for. They are called after the month they are dated.
enum EC2Version: Sendable, CaseIterable, Comparable {
  case original, january2007, march2007, august2007, october2007, december2007, february2008
  case september2008, april2009, september2016, september2018, october2019, january2021
  case march2021, july2021, april2024

  /// As it stands in a path.
  var date: String {
    switch self {
    case .original: "1.0"
    case .january2007: "2007-01-19"
    case .march2007: "2007-03-01"
    case .august2007: "2007-08-29"
    case .october2007: "2007-10-10"
    case .december2007: "2007-12-15"
    case .february2008: "2008-02-01"
    case .september2008: "2008-09-01"
    case .april2009: "2009-04-04"
    case .september2016: "2016-09-02"
    case .september2018: "2018-09-24"
    case .october2019: "2019-10-01"
    case .january2021: "2021-01-03"
    case .march2021: "2021-03-23"
    case .july2021: "2021-07-15"
    case .april2024: "2024-04-11"
    }
  }

  /// What `latest` stands for.
  static let latest = april2024

  /// The first version that follows AWS, where older ones follow Nova to the byte.
  static let firstOfAWS = september2016

  /// Reads a path's segment: a version, or `latest`. AWS answers only to its own dates, not to
  /// those between them.
  init?(segment: String) {
    let version =
      segment == "latest" ? .latest : EC2Version.allCases.first { $0.date == segment }
    guard let version else { return nil }
    self = version
  }
}

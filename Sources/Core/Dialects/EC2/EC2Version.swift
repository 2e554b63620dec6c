/// A version of EC2's metadata, named by its date.
enum EC2Version: String, CaseIterable, Comparable, Sendable {
  // The versions that Nova serves.
  case v1_0 = "1.0"
  case v2007_01_19 = "2007-01-19"
  case v2007_03_01 = "2007-03-01"
  case v2007_08_29 = "2007-08-29"
  case v2007_10_10 = "2007-10-10"
  case v2007_12_15 = "2007-12-15"
  case v2008_02_01 = "2008-02-01"
  case v2008_09_01 = "2008-09-01"
  case v2009_04_04 = "2009-04-04"
  // Those of AWS' that real clients ask for.
  case v2016_09_02 = "2016-09-02"
  case v2018_09_24 = "2018-09-24"
  case v2019_10_01 = "2019-10-01"
  case v2021_01_03 = "2021-01-03"
  case v2021_03_23 = "2021-03-23"
  case v2021_07_15 = "2021-07-15"
  case v2024_04_11 = "2024-04-11"
  case latest

  private var order: Int { EC2Version.allCases.firstIndex(of: self) ?? 0 }

  static func < (left: EC2Version, right: EC2Version) -> Bool { left.order < right.order }

  /// Whether the version is served as Nova serves it, byte for byte, its oddities included:
  /// `FIXME`, `None` and empty values where AWS has no leaf.
  var isNovas: Bool { self <= .v2009_04_04 }
}

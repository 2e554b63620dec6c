/// A version of OpenStack's metadata, named by its date; Nova names them after releases.
enum OpenStackVersion: String, CaseIterable, Comparable, Sendable {
  case folsom = "2012-08-10"
  case grizzly = "2013-04-04"
  case havana = "2013-10-17"
  case liberty = "2015-10-15"
  case newtonOne = "2016-06-30"
  case newtonTwo = "2016-10-06"
  case ocata = "2017-02-22"
  case rocky = "2018-08-27"
  case victoria = "2020-10-14"
  case epoxy = "2025-04-04"
  case latest

  private var order: Int { OpenStackVersion.allCases.firstIndex(of: self) ?? 0 }

  static func < (left: OpenStackVersion, right: OpenStackVersion) -> Bool {
    left.order < right.order
  }

  /// The versions that are listed on a day: later ones are hidden, but answer.
  static func listed(on today: String) -> [OpenStackVersion] {
    allCases.filter { $0 == .latest || $0.rawValue <= today }
  }
}

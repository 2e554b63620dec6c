/// The versions of OpenStack's metadata, under the names of the Nova releases that brought them.
enum OpenStackVersion: String, Sendable, CaseIterable, Comparable {
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

  /// What `latest` stands for.
  static let latest = epoxy

  /// Reads a path's segment: a date, or `latest`.
  init?(segment: String) {
    if segment == "latest" {
      self = .latest
    } else {
      self.init(rawValue: segment)
    }
  }

  static func < (left: OpenStackVersion, right: OpenStackVersion) -> Bool {
    left.rawValue < right.rawValue
  }
}

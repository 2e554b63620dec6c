/// The versions of OpenStack's metadata, under the names of the Nova releases that brought them.
enum OpenStackVersion: Sendable, CaseIterable, Comparable {
  case folsom, grizzly, havana, liberty, newtonOne, newtonTwo, ocata, rocky, victoria, epoxy

  /// As it stands in a path.
  var date: String {
    switch self {
    case .folsom: "2012-08-10"
    case .grizzly: "2013-04-04"
    case .havana: "2013-10-17"
    case .liberty: "2015-10-15"
    case .newtonOne: "2016-06-30"
    case .newtonTwo: "2016-10-06"
    case .ocata: "2017-02-22"
    case .rocky: "2018-08-27"
    case .victoria: "2020-10-14"
    case .epoxy: "2025-04-04"
    }
  }

  /// What `latest` stands for.
  static let latest = epoxy

  /// Reads a path's segment: a date, or `latest`.
  init?(segment: String) {
    let version =
      segment == "latest" ? .latest : OpenStackVersion.allCases.first { $0.date == segment }
    guard let version else { return nil }
    self = version
  }
}

import Inventory

/// OpenStack's metadata, as Nova 34 serves it under `/openstack`.
public struct OpenStackDialect: Dialect {
  public let name = DialectName.openstack
  public let admission = Admission.sessionTokenWhereRequired(.all)
  public let tokenPaths = [RequestTarget(segments: ["openstack", "latest", "api", "token"])]

  public init() {}

  public func owns(_ target: RequestTarget) -> Bool { target.segments.first == "openstack" }

  public func place(at target: RequestTarget) -> MetadataPlace? {
    var path = target.segments.dropFirst()
    guard let first = path.popFirst() else { return MetadataPlace(OpenStackDialect.versions) }
    if first == "content" {
      // What meta_data.json refers to by its `content_path`.
      guard let id = path.popFirst(), path.isEmpty else { return nil }
      return MetadataPlace { input in
        OpenStackContent(view: input.view).document(id, on: input.carrier).map { .document($0) }
      }
    }
    guard let version = OpenStackVersion(segment: first) else { return nil }
    // Nova's list of documents has a name of its own, too.
    guard let word = path.popFirst(), !(word == "version" && path.isEmpty) else {
      return MetadataPlace { OpenStackDialect.documents(of: version, for: $0) }
    }
    guard path.isEmpty, let document = OpenStackDocument(rawValue: word),
      document.isAnswered(in: version)
    else { return nil }
    return MetadataPlace(needs: document.needs(in: version)) { document.node(in: version, for: $0) }
  }

  /// The versions up to the day, then `latest`. Later ones are hidden, but answer (measured on Nova 34).
  @Sendable
  private static func versions(for input: RenderInput) -> MetadataNode? {
    let today = CivilTime(secondsSince1970: input.askedAtSeconds).date
    return .listing(listings[dates.count { $0.segment <= today }])
  }

  /// By how many versions there are on a day: those, then `latest`.
  private static let listings = (0...dates.count).map { Array(dates.prefix($0)) + [latest] }
  private static let dates = OpenStackVersion.allCases.map { ListingEntry(leaf: $0.date) }
  private static let latest = ListingEntry(leaf: "latest")

  private static func documents(of version: OpenStackVersion, for input: RenderInput)
    -> MetadataNode?
  {
    .listing(
      OpenStackDocument.allCases
        .filter { version >= $0.since && $0.exists(for: input) }
        .map { ListingEntry(leaf: $0.rawValue) })
  }
}

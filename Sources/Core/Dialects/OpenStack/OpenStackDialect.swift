import Inventory

/// OpenStack's metadata, as Nova 34 serves it under `/openstack`.
public struct OpenStackDialect: Dialect {
  public let name = DialectName.openstack
  public let admission = Admission.sessionTokenWhereRequired(.all)
  public let tokenPaths = [RequestTarget(segments: ["openstack", "latest", "api", "token"])]

  public init() {}

  public func owns(_ target: RequestTarget) -> Bool { target.segments.first == "openstack" }

  public func needs(of target: RequestTarget) -> Needs {
    guard case .document(let document, let version) = Place(target) else { return [] }
    return document.needs(in: version)
  }

  public func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? {
    switch Place(target) {
    case .versions:
      .listing(
        OpenStackVersion.listed(on: CivilTime(secondsSince1970: input.askedAtSeconds).date)
          .map(ListingEntry.init(leaf:)))
    case .documents(let version):
      .listing(
        OpenStackDocument.allCases
          .filter { version >= $0.since && $0.exists(for: input) }
          .map { ListingEntry(leaf: $0.rawValue) })
    case .document(let document, let version): document.node(in: version, for: input)
    case .content(let id):
      OpenStackContent(view: input.view).document(id, on: input.carrier).map { .document($0) }
    case nil: nil
    }
  }

  /// What a path leads to.
  private enum Place {
    case versions
    case documents(OpenStackVersion)
    case document(OpenStackDocument, OpenStackVersion)
    /// What meta_data.json refers to by its `content_path`.
    case content(String)

    init?(_ target: RequestTarget) {
      var path = target.segments.dropFirst()
      guard let first = path.popFirst() else {
        self = .versions
        return
      }
      if first == "content" {
        guard let id = path.popFirst(), path.isEmpty else { return nil }
        self = .content(id)
        return
      }
      guard let version = OpenStackVersion(segment: first) else { return nil }
      // Nova's list of documents has a name of its own, too.
      guard let word = path.popFirst(), !(word == "version" && path.isEmpty) else {
        self = .documents(version)
        return
      }
      guard path.isEmpty, let document = OpenStackDocument(rawValue: word),
        document.isAnswered(in: version)
      else { return nil }
      self = .document(document, version)
    }
  }
}

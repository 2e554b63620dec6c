import Inventory

/// OpenStack's metadata, as Nova 34 serves it (measured).
public struct OpenStackDialect: Dialect {
  public init() {}

  public var name: String { "openstack" }

  public var admission: Admission { .open }

  public func owns(_ target: RequestTarget) -> Bool { target.segments.first == "openstack" }

  public func needs(of target: RequestTarget) -> Needs {
    guard target.segments.count == 3, let version = OpenStackVersion(rawValue: target.segments[1])
    else { return [] }
    switch target.segments[2] {
    case "meta_data.json": return version >= MetaDataDocument.randomSeedSince ? .randomSeed : []
    case "vendor_data2.json": return version >= .newtonTwo ? .dynamicVendorData : []
    default: return []
    }
  }

  public func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? {
    let path = target.segments.dropFirst()
    guard let first = path.first else {
      return .listing(
        OpenStackVersion.listed(on: input.today).map {
          ListingEntry(listed: $0.rawValue, segment: $0.rawValue)
        })
    }
    let rest = Array(path.dropFirst())
    if first == "content" {
      guard rest == [OpenStackContent.networkConfigID] else { return nil }
      return OpenStackContent.networkConfig(input).map { .document(Document(text: $0)) }
    }
    guard let version = OpenStackVersion(rawValue: first), rest.count <= 1 else { return nil }
    guard let name = rest.first, name != "version" else {
      return .listing(OpenStackDialect.listing(input, version))
    }
    return OpenStackDialect.documents.first { $0.name == name && version >= $0.answersSince }?
      .node(input, version)
  }

  /// A document: since which version it is listed, and since which it answers.
  private struct Row: Sendable {
    let name: String
    let listedSince: OpenStackVersion
    let answersSince: OpenStackVersion
    let node: @Sendable (RenderInput, OpenStackVersion) -> MetadataNode?

    init(
      _ name: String, since: OpenStackVersion, answersSince: OpenStackVersion? = nil,
      _ node: @escaping @Sendable (RenderInput, OpenStackVersion) -> MetadataNode?
    ) {
      self.name = name
      listedSince = since
      self.answersSince = answersSince ?? since
      self.node = node
    }
  }

  /// In the order in which Nova lists them.
  private static let documents: [Row] = [
    Row("meta_data.json", since: .folsom) { input, version in
      .document(Document(json: MetaDataDocument.render(input, version)))
    },
    Row("user_data", since: .folsom) { input, _ in
      input.view.instance.userData.map { .document(Document(.plainText, $0.revealed)) }
    },
    Row("password", since: .grizzly) { input, _ in
      .password(Document(.plainText, input.view.password?.revealed ?? []))
    },
    Row("vendor_data.json", since: .havana) { input, _ in
      .document(Document(json: VendorDataDocument.render(input)))
    },
    // Nova answers it in versions that do not list it.
    Row("network_data.json", since: .liberty, answersSince: .folsom) { input, _ in
      .document(Document(json: NetworkDataDocument.render(input.view)))
    },
    Row("vendor_data2.json", since: .newtonTwo) { input, _ in
      .document(Document(json: VendorDataDocument.renderSecond(input)))
    },
  ]

  private static func listing(_ input: RenderInput, _ version: OpenStackVersion) -> [ListingEntry] {
    documents.filter { row in
      guard version >= row.listedSince else { return false }
      return row.name != "user_data" || input.view.instance.userData != nil
    }.map { ListingEntry(listed: $0.name, segment: $0.name) }
  }
}

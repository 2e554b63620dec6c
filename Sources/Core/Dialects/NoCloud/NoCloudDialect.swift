import Inventory
import OrderedCollections

/// cloud-init's NoCloud, under `/nocloud` and on a drive labelled `cidata`.
///
/// cloud-init is led here by `ds=nocloud-net;s=http://169.254.169.254/nocloud/` on the kernel's
/// command line or as the machine's serial number.
public struct NoCloudDialect: Dialect {
  public let name = DialectName.nocloud
  public let admission = Admission.sessionTokenWhereRequired(.all)
  /// cloud-init shows no token here.
  public let tokenPaths: [RequestTarget] = []

  public init() {}

  public func owns(_ target: RequestTarget) -> Bool { target.segments.first == "nocloud" }

  public func place(at target: RequestTarget) -> MetadataPlace? {
    let path = target.segments.dropFirst()
    guard let name = path.first else { return MetadataPlace(NoCloudDocument.listing) }
    guard path.count == 1, let document = NoCloudDocument(rawValue: name) else { return nil }
    return MetadataPlace { input in document.document(for: input).map { .document($0) } }
  }
}

/// The documents of a NoCloud seed.
enum NoCloudDocument: String, Sendable, CaseIterable {
  case metaData = "meta-data"
  case userData = "user-data"
  case vendorData = "vendor-data"
  case networkConfig = "network-config"

  @Sendable
  static func listing(for input: RenderInput) -> MetadataNode? {
    .listing(
      allCases.compactMap { document in
        document.document(for: input).map { _ in ListingEntry(leaf: document.rawValue) }
      })
  }

  /// The document; nil where the instance has none. User data and vendor data are always there, since
  /// cloud-init fails without the one and waits ten seconds for the other.
  func document(for input: RenderInput) -> Document? {
    switch self {
    case .metaData: return Document(text: NoCloudDocument.metaData(for: input).yaml)
    case .userData: return Document(.plainText, input.view.instance.userData?.revealed ?? [])
    case .vendorData: return Document(text: NoCloudDocument.vendorData(for: input))
    case .networkConfig:
      return NetworkConfigDocument(view: input.view).value.map { Document(text: $0.yaml) }
    }
  }

  private static func metaData(for input: RenderInput) -> JSONValue {
    let instance = input.view.instance
    var members: OrderedDictionary<String, JSONValue> = [
      "instance-id": .string(instance.id.description),
      "local-hostname": JSONValue(input.fullHostname),
    ]
    let keys = input.view.keys
    if !keys.isEmpty {
      members["public-keys"] = .array(keys.map { JSONValue($0.publicKey.trimmed) })
    }
    if let zone = instance.availabilityZone { members["availability-zone"] = JSONValue(zone) }
    if let region = instance.region { members["region"] = JSONValue(region) }
    let parameters = instance.metadata
    if !parameters.isEmpty { members["meta"] = JSONValue(members: parameters) }
    return .object(members)
  }

  /// What cloud-init takes from OpenStack's vendor data: the text under `cloud-init`, or several as
  /// one archive. NoCloud's vendor data is that text itself.
  private static func vendorData(for input: RenderInput) -> String {
    switch VendorDataDocument.first(input)["cloud-init"] {
    case .string(let text): text
    case .array(let parts) where !parts.isEmpty:
      "#cloud-config-archive\n" + JSONValue.array(parts).yaml
    default: ""
    }
  }
}

import Inventory

/// The documents of a version, in the order in which Nova lists them, which is not sorted.
enum OpenStackDocument: String, Sendable, CaseIterable {
  case metaData = "meta_data.json"
  case userData = "user_data"
  case password
  case vendorData = "vendor_data.json"
  case networkData = "network_data.json"
  case vendorData2 = "vendor_data2.json"

  /// The first version that lists the document.
  var since: OpenStackVersion {
    switch self {
    case .metaData, .userData: .folsom
    case .password: .grizzly
    case .vendorData: .havana
    case .networkData: .liberty
    case .vendorData2: .newtonTwo
    }
  }

  /// Whether a version answers for the document. Nova forgot to ask for the version of
  /// network_data.json: no old version lists it and all have it (measured on Nova 34).
  func isAnswered(in version: OpenStackVersion) -> Bool {
    self == .networkData || version >= since
  }

  /// Whether the instance has anything for the document to say.
  func exists(for input: RenderInput) -> Bool {
    self != .userData || input.view.instance.userData != nil
  }

  func needs(in version: OpenStackVersion) -> Needs {
    switch self {
    case .metaData: version >= MetaDataDocument.randomSeedSince ? .randomSeed : []
    case .vendorData2: .dynamicVendorData
    default: []
    }
  }

  func node(in version: OpenStackVersion, for input: RenderInput) -> MetadataNode? {
    switch self {
    case .metaData:
      .document(MetaDataDocument(input: input, version: version).document)
    case .userData:
      input.view.instance.userData.map { .document(Document(.plainText, $0.revealed)) }
    case .password:
      .password(Document(.plainText, input.view.password?.revealed ?? []))
    case .vendorData: .document(Document(json: VendorDataDocument.first(input)))
    case .networkData: .document(NetworkDataDocument(view: input.view).document)
    case .vendorData2: .document(VendorDataDocument.second(input))
    }
  }
}

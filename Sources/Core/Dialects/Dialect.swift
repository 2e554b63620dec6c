public import Inventory

/// A way of asking that some images were made for: EC2's, OpenStack's, …
///
/// A dialect is pure: the same input gives the same bytes, over HTTP and on a config drive.
public protocol Dialect: Sendable {
  /// Its name in logs and counters.
  var name: DialectName { get }

  /// Who may ask.
  var admission: Admission { get }

  /// Where session tokens are handed out. No listing shows it.
  var tokenPaths: [RequestTarget] { get }

  /// Whether a path is this dialect's to answer.
  func owns(_ target: RequestTarget) -> Bool

  /// Where a path leads; nil where to nothing, whoever asks.
  func place(at target: RequestTarget) -> MetadataPlace?
}

extension Dialect {
  /// What stands at a path for an instance; nil where nothing does.
  public func node(at target: RequestTarget, for input: RenderInput) -> MetadataNode? {
    place(at: target)?.node(input)
  }
}

/// A place in a dialect's tree, found once for a path and looked at for each instance that asks.
public struct MetadataPlace: Sendable {
  /// What must be gathered before it can be rendered.
  public let needs: Needs
  /// What stands there for an instance; nil where nothing does, which a guest sees as 404.
  public let node: @Sendable (RenderInput) -> MetadataNode?

  init(needs: Needs = [], _ node: @escaping @Sendable (RenderInput) -> MetadataNode?) {
    self.needs = needs
    self.node = node
  }
}

/// The dialects that there are.
public enum DialectName: String, Sendable, Hashable, CaseIterable {
  case openstack, nocloud, ec2

  /// Its place among all, from 0 on.
  public var number: Int {
    switch self {
    case .openstack: 0
    case .nocloud: 1
    case .ec2: 2
    }
  }
}

/// Who may ask in a dialect.
public enum Admission: Sendable, Hashable {
  /// Any guest that is known; with a session token where the instance's `httpTokens` is `required`
  /// and its `httpTokensScope` reaches so far.
  case sessionTokenWhereRequired(MetadataOptions.TokensScope)
}

/// What rendering a path needs beyond the instance's record. Gathering costs something, so a path
/// says what it is for.
public struct Needs: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// 512 fresh random bytes.
  public static let randomSeed = Needs(rawValue: 1)
  /// The answers of the dynamic vendor data targets.
  public static let dynamicVendorData = Needs(rawValue: 2)
}

/// Everything that a document is rendered from.
///
/// An object, since it is handed from one part of a document to the next.
public final class RenderInput: Sendable {
  public let view: InstanceView
  public let settings: RenderSettings
  /// The address that asks, for an instance that has declared none.
  public let sourceAddress: IPAddress?
  /// When the guest asks, in seconds since 1970; versions of later days are not listed.
  public let askedAtSeconds: Int
  /// Fresh random bytes in base64, where ``Needs/randomSeed`` asked for them.
  public let randomSeedText: [UInt8]
  /// The dynamic targets' answers by name, where ``Needs/dynamicVendorData`` asked for them.
  public let dynamicVendorData: [(name: String, answer: JSONValue)]
  /// How the documents reach the guest.
  public let carrier: Carrier

  /// A drive is handed to one machine and nobody else, so it has what no network carries.
  public enum Carrier: Sendable, Hashable {
    case http
    case drive
  }

  public init(
    view: InstanceView, settings: RenderSettings, sourceAddress: IPAddress? = nil,
    askedAtSeconds: Int,
    randomSeedText: [UInt8] = [], dynamicVendorData: [(name: String, answer: JSONValue)] = [],
    carrier: Carrier = .http
  ) {
    self.view = view
    self.settings = settings
    self.sourceAddress = sourceAddress
    self.askedAtSeconds = askedAtSeconds
    self.randomSeedText = randomSeedText
    self.dynamicVendorData = dynamicVendorData
    self.carrier = carrier
  }

  /// The same for documents that reach the guest in another way.
  func carried(by carrier: Carrier) -> RenderInput {
    RenderInput(
      view: view, settings: settings, sourceAddress: sourceAddress, askedAtSeconds: askedAtSeconds,
      randomSeedText: randomSeedText, dynamicVendorData: dynamicVendorData, carrier: carrier)
  }
}

/// The daemon's settings that show in documents. They never change.
public final class RenderSettings: Sendable {
  /// Appended to host names, as Nova's `dhcp_domain`; empty appends nothing.
  public let dhcpDomain: ByteText
  /// The static vendor data file's content, a map.
  public let vendorData: JSONValue

  public init(dhcpDomain: String = "", vendorData: JSONValue = [:]) {
    self.dhcpDomain = ByteText(dhcpDomain)
    self.vendorData = vendorData
  }
}

extension RenderInput {
  /// The host name with its domain, the instance's own or else the daemon's.
  public var fullHostname: ByteText {
    let hostname = view.instance.hostname
    let domain = view.instance.domain ?? settings.dhcpDomain
    return domain.isEmpty ? hostname : ByteText(joining: [hostname, domain], by: ".")
  }
}

/// What stands at a path.
public enum MetadataNode: Sendable {
  case document(Document)
  case listing([ListingEntry])
  /// OpenStack's password document, which a guest may also write, once.
  case password(Document)

  /// The bytes that a GET answers with.
  public var document: Document {
    switch self {
    case .document(let document), .password(let document): document
    case .listing(let entries):
      Document(text: ByteText(joining: entries.map(\.listed), by: "\n"))
    }
  }
}

/// A line of a listing.
public struct ListingEntry: Sendable {
  /// The line as guests read it, such as `placement/` or `0=alice`.
  public let listed: ByteText
  /// The path segment that leads to it, such as `placement` or `0`.
  public let segment: String

  public init(listed: ByteText, segment: String) {
    self.listed = listed
    self.segment = segment
  }

  /// A line that is itself the segment.
  init(leaf name: String) { self.init(listed: ByteText(name), segment: name) }

  /// A line for a directory, which ends in a slash.
  init(directory name: String) { self.init(listed: ByteText(name + "/"), segment: name) }
}

/// A document's bytes and their type.
public struct Document: Sendable, Hashable {
  public enum ContentType: String, Sendable, CaseIterable {
    /// Nova's type for listings, leaves, user data and content.
    case plainText = "text/plain; charset=UTF-8"
    case json = "application/json"
  }

  public let contentType: ContentType
  public let bytes: [UInt8]

  public init(_ contentType: ContentType, _ bytes: [UInt8]) {
    self.contentType = contentType
    self.bytes = bytes
  }

  public init(text: String) { self.init(.plainText, Array(text.utf8)) }

  public init(text: ByteText) { self.init(.plainText, text.bytes) }

  public init(json: JSONValue) { self.init(.json, json.bytes) }

  /// A JSON document that is written as it is made.
  init(_ write: (inout JSONWriter) -> Void) {
    self.init(.json, JSONWriter.bytes(capacity: 3072, write))
  }
}

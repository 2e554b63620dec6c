public import Inventory

/// What a doctor is asked about.
public struct DoctorQuestion: Sendable, Hashable {
  /// How guests reach the daemon (docs/networking).
  public enum Shape: String, Sendable {
    case router
    case local
    case namespaces
  }

  public var shape: Shape
  /// Where the redirect sends guests; of a router's shape only.
  public var metadataHost: IPAddress?
  public var metadataPort: Int
  /// The guest that is asked about, without a namespace to ask from.
  public var guest: IPAddress?
  /// Blocks of addresses that guests have, to judge rules by where no guest is named.
  public var guests: [CIDR]

  public init(
    shape: Shape, metadataHost: IPAddress? = nil, metadataPort: Int = 8775,
    guest: IPAddress? = nil, guests: [CIDR] = []
  ) {
    self.shape = shape
    self.metadataHost = metadataHost
    self.metadataPort = metadataPort
    self.guest = guest
    self.guests = guests
  }

  /// Where guests ask.
  var metadataAddress: IPAddress {
    let isIPv4 = metadataHost?.isIPv4 ?? true
    let text = isIPv4 ? MetadataAddress.ipv4.rawValue : MetadataAddress.ipv6.rawValue
    return IPAddress(text) ?? .v4(0xA9FE_A9FE)
  }
}

/// What the redirect's own check says.
public struct RedirectFacts: Sendable, Hashable {
  public var drift: [String]
  /// Connections that it has redirected so far; nil where nothing counts them.
  public var connections: UInt64?
  public var backend: String

  public init(drift: [String], connections: UInt64?, backend: String) {
    self.drift = drift
    self.connections = connections
    self.backend = backend
  }
}

/// What a daemon says of itself and of what it has seen.
public struct DoctorDaemon: Sendable {
  public var version: String
  /// Its listeners, each as `169.254.169.254:80 in ns-a`, with the reason for which it is closed.
  public var listeners: [(name: String, problem: String?)]
  /// Addresses that requests came from which no instance sent.
  public var strangers: [Stranger]
  /// Who has an address, in words, such as `instance web-1`; nil for nobody.
  public var holder: @Sendable (IPAddress) async -> String?
  /// What an address is known as that nobody has, such as `the gateway of net-a`.
  public var role: @Sendable (IPAddress) async -> String?
  /// The address that a probe came from; nil where it has not arrived.
  public var sighting: @Sendable (String) async -> IPAddress?

  public struct Stranger: Sendable, Hashable {
    public var address: IPAddress
    public var role: String?
    public var requests: Int
    /// When it was last seen, for a person.
    public var lastSeen: String

    public init(address: IPAddress, role: String?, requests: Int, lastSeen: String) {
      self.address = address
      self.role = role
      self.requests = requests
      self.lastSeen = lastSeen
    }
  }

  public init(
    version: String, listeners: [(name: String, problem: String?)], strangers: [Stranger],
    holder: @escaping @Sendable (IPAddress) async -> String?,
    role: @escaping @Sendable (IPAddress) async -> String?,
    sighting: @escaping @Sendable (String) async -> IPAddress?
  ) {
    self.version = version
    self.listeners = listeners
    self.strangers = strangers
    self.holder = holder
    self.role = role
    self.sighting = sighting
  }
}

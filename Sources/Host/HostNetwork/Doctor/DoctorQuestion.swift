public import Inventory

/// What the doctor is asked about.
public struct DoctorQuestion: Sendable {
  public enum Shape: Sendable, Hashable {
    /// This host is the guests' router and translates the destination.
    case router
    /// The metadata address is on an interface of this host, named; nothing is translated.
    case local(device: String)
    /// The service listens in the networks' own namespaces; nothing is translated.
    case namespaces
  }

  /// `metadata_host`; nil where it is not set.
  public var metadataHost: IPAddress?
  public var metadataPort: Int
  public var shape: Shape
  /// The subnets of the declared networks.
  public var guests: [CIDR]
  /// The guest whose place is taken without being in it (`--as-guest`).
  public var asGuest: IPAddress?
  /// What the redirect's own check says; it returns nil where nothing knows.
  public var redirect: @Sendable () async throws -> RedirectFacts?
  /// How long a probe may take, in seconds.
  public var probeSeconds: Int

  public init(
    metadataHost: IPAddress?, metadataPort: Int, shape: Shape, guests: [CIDR],
    asGuest: IPAddress? = nil, probeSeconds: Int = 3,
    redirect: @escaping @Sendable () async throws -> RedirectFacts?
  ) {
    self.metadataHost = metadataHost
    self.metadataPort = metadataPort
    self.shape = shape
    self.guests = guests
    self.asGuest = asGuest
    self.probeSeconds = probeSeconds
    self.redirect = redirect
  }
}

/// What the redirect says about itself.
public struct RedirectFacts: Sendable, Hashable {
  public var isInPlace: Bool
  /// What differs from what should be there, a sentence each.
  public var drift: [String]
  /// How many packets (of NAT: connections) its rules have counted; nil where they do not count.
  public var packets: UInt64?
  /// nftables, iptables-nft, iptables-legacy, or what a local redirect is made of.
  public var backend: String

  public init(isInPlace: Bool, drift: [String] = [], packets: UInt64?, backend: String) {
    self.isInPlace = isInPlace
    self.drift = drift
    self.packets = packets
    self.backend = backend
  }
}

/// What the doctor asks a running daemon.
public struct DoctorDaemon: Sendable {
  public struct Status: Sendable, Hashable {
    public var version: String
    /// Where it listens for guests, as it writes it.
    public var listeners: [String]
    public init(version: String, listeners: [String]) {
      self.version = version
      self.listeners = listeners
    }
  }

  /// Whose address it is.
  public enum Owner: Sendable, Hashable {
    case instance(id: String, name: String)
    case unknown
    /// More than one network has it; their names.
    case ambiguous([String])
    /// Such as `the gateway of net-a`.
    case role(String)
  }

  /// What the daemon saw of a probe.
  public struct Sighting: Sendable, Hashable {
    public var source: IPAddress
    public var network: String?
    public init(source: IPAddress, network: String? = nil) {
      self.source = source
      self.network = network
    }
  }

  /// An address that is no instance's, and has asked lately. Probes do not count.
  public struct Stranger: Sendable, Hashable {
    public var source: IPAddress
    /// Such as `the gateway of net-a`, `a floating IP`; nil where nobody knows.
    public var role: String?
    /// Whose address it is and which MACs differ, in words; nil where no MAC does.
    public var conflict: String?
    public var count: Int
    /// When it last asked, as the daemon writes times.
    public var last: String
    public init(
      source: IPAddress, role: String?, conflict: String? = nil, count: Int, last: String
    ) {
      self.source = source
      self.role = role
      self.conflict = conflict
      self.count = count
      self.last = last
    }
  }

  public var status: @Sendable () async throws -> Status
  /// An address, and the network where it is known.
  public var whois: @Sendable (IPAddress, String?) async throws -> Owner
  /// By a probe's nonce; nil where the daemon has not seen it.
  public var sighting: @Sendable (String) async throws -> Sighting?
  public var strangers: @Sendable () async throws -> [Stranger]

  public init(
    status: @escaping @Sendable () async throws -> Status,
    whois: @escaping @Sendable (IPAddress, String?) async throws -> Owner,
    sighting: @escaping @Sendable (String) async throws -> Sighting?,
    strangers: @escaping @Sendable () async throws -> [Stranger]
  ) {
    self.status = status
    self.whois = whois
    self.sighting = sighting
    self.strangers = strangers
  }
}

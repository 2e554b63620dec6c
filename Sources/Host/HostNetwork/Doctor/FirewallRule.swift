import Inventory

/// What a rule of a packet filter does to the packets that it matches.
enum FirewallVerdict: Hashable, Sendable {
  case accept, drop, reject
  case returns
  case jump(String)
  case goto(String)
  /// To where, as far as it is a constant.
  case dnat(IPAddress?, port: Int?)
  /// To a port of this host.
  case redirect
  /// - Parameter keepsSource: The source is translated to itself, so that nothing else does it.
  case snat(keepsSource: Bool)
  case masquerade
  case notrack
  /// A target that this reader does not know, and that may end the packet's way.
  case unknown(String)

  var changesSource: Bool {
    switch self {
    case .snat(keepsSource: false), .masquerade: true
    default: false
    }
  }

  /// Whether the packet is not forwarded as it came: dropped, refused, or taken elsewhere.
  var stops: Bool { self == .drop || self == .reject }
}

/// What a rule can ask of a packet, as far as the doctor understands it.
enum FirewallField: Hashable, Sendable {
  case source, destination, inInterface, outInterface
  case transport, sourcePort, destinationPort
  /// Conntrack's state of the connection: new, established…
  case state
  /// Whether the connection was translated: dnat, snat.
  case status
  case direction
  /// The destination before it was translated.
  case originalDestination, originalDestinationPort
  /// local, where the destination is an address of this host.
  case destinationType
  /// ipv4 or ipv6.
  case family
}

/// A value, or a span of values, that a rule compares with.
enum FirewallValue: Hashable, Sendable {
  /// The first and the last address.
  case addresses(IPAddress, IPAddress)
  case numbers(ClosedRange<Int>)
  case word(String)
  /// Names that begin so: `tap*`, `tap+`.
  case prefix(String)
}

enum FirewallCondition: Hashable, Sendable {
  /// The field has one of the values; or, negated, none of them.
  case field(FirewallField, [FirewallValue], isNegated: Bool)
  /// Something that the reader does not understand: the rule stays a candidate.
  case notUnderstood
}

/// One rule of one packet filter, whichever tool wrote it.
struct FirewallRule: Hashable, Sendable {
  /// The number in its chain, from 1.
  var position: Int
  /// nftables' handle.
  var handle: Int?
  /// As the tool lists it, without counters of iptables.
  var text: String
  var conditions: [FirewallCondition]
  var verdict: FirewallVerdict
}

enum FirewallBackend: String, Hashable, Sendable {
  case nftables
  case iptablesNft = "iptables-nft"
  case iptablesLegacy = "iptables-legacy"
}

/// A chain; a base chain where it hangs on a hook.
struct FirewallChain: Hashable, Sendable {
  /// Where a base chain hangs.
  struct Base: Hashable, Sendable {
    /// prerouting, input, forward, output, postrouting or ingress.
    var hook: String
    var isNAT: Bool
    var priority: Int
    var dropsByPolicy: Bool
    /// Of an ingress chain.
    var device: String?
  }
  var backend: FirewallBackend
  /// nftables' family; `ip` or `ip6` for iptables.
  var family: String
  var table: String
  var name: String
  var base: Base?
  var rules: [FirewallRule] = []
}

/// What all packet filters of a host do to packets of one family.
struct FirewallRuleset: Hashable, Sendable {
  var chains: [FirewallChain] = []
  /// What could not be read, and why.
  var problems: [String] = []

  /// The base chains of a hook in the order in which packets meet them. All NAT chains run at one
  /// place, whatever their priority, and are ordered among themselves (nf_nat_core).
  func bases(_ hook: String, isNAT: Bool) -> [FirewallChain] {
    chains.filter { $0.base?.hook == hook && $0.base?.isNAT == isNAT }
      .sorted { ($0.base?.priority ?? 0) < ($1.base?.priority ?? 0) }
  }

  func chain(_ name: String, beside chain: FirewallChain) -> FirewallChain? {
    chains.first {
      $0.name == name && $0.table == chain.table && $0.family == chain.family
        && $0.backend == chain.backend
    }
  }
}

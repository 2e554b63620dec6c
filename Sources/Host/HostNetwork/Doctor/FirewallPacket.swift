import Inventory

/// A TCP packet on its way through a host, as a rule can see it. What is nil is not known.
struct FirewallPacket: Hashable, Sendable {
  /// One guest, or all guests of a network.
  var source: CIDR?
  var destination: IPAddress
  /// The destination is a whole network where the packet is an answer to any guest.
  var destinations: CIDR?
  var sourcePort: Int?
  var destinationPort: Int?
  /// The name; empty where there is none.
  var inInterface: String?
  var outInterface: String?
  var state: String? = "new"
  var isReply = false
  /// Whether the destination was translated.
  var isTranslated = false
  var originalDestination: IPAddress
  var originalDestinationPort: Int
  var destinationIsLocal: Bool?
}

/// Whether a rule matches a packet, from the least to the most certain.
enum FirewallMatch: Int, Comparable, Hashable, Sendable {
  case no
  /// The rule has a condition that is not understood, or the packet's field is not known.
  case maybe
  /// It matches some of the guests that are asked about.
  case some
  case yes

  static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }

  var negated: Self {
    switch self {
    case .no: .yes
    case .yes: .no
    case .maybe, .some: self
    }
  }
}

extension FirewallPacket {
  func match(_ rule: FirewallRule) -> FirewallMatch {
    var least = FirewallMatch.yes
    for condition in rule.conditions {
      least = min(least, match(condition))
      if least == .no { return .no }
    }
    return least
  }

  func match(_ condition: FirewallCondition) -> FirewallMatch {
    guard case .field(let field, let values, let isNegated) = condition else { return .maybe }
    // A comparison with the other family's addresses includes the question for that family.
    if isAddress(field), values.contains(where: isOtherFamily) { return .no }
    let match = values.map { self.match(field, $0) }.max() ?? .no
    return isNegated ? match.negated : match
  }

  private func isAddress(_ field: FirewallField) -> Bool {
    field == .source || field == .destination || field == .originalDestination
  }

  private func isOtherFamily(_ value: FirewallValue) -> Bool {
    if case .addresses(let first, _) = value { first.isIPv4 != destination.isIPv4 } else { false }
  }

  private func match(_ field: FirewallField, _ value: FirewallValue) -> FirewallMatch {
    switch field {
    case .source: match(source, value)
    case .destination:
      match(destinations ?? CIDR(destination, prefixLength: destination.bitWidth), value)
    case .originalDestination:
      match(CIDR(originalDestination, prefixLength: originalDestination.bitWidth), value)
    case .inInterface: match(name: inInterface, value)
    case .outInterface: match(name: outInterface, value)
    case .transport: value == .word("tcp") || value == .numbers(6...6) ? .yes : .no
    case .sourcePort: match(number: sourcePort, value)
    case .destinationPort: match(number: destinationPort, value)
    case .originalDestinationPort: match(number: originalDestinationPort, value)
    case .state: match(name: state, value)
    case .status: matchStatus(value)
    case .direction: match(name: isReply ? "reply" : "original", value)
    case .destinationType: matchType(value)
    case .family: match(name: destination.isIPv4 ? "ipv4" : "ipv6", value)
    }
  }

  private func match(_ block: CIDR?, _ value: FirewallValue) -> FirewallMatch {
    guard let block, case .addresses(let low, let high) = value else { return .maybe }
    guard low.isIPv4 == block.network.isIPv4 else { return .no }
    let (first, last) = (Self.number(block.network), Self.number(block.broadcast))
    let (from, to) = (Self.number(low), Self.number(high))
    if last < from || to < first { return .no }
    return from <= first && last <= to ? .yes : .some
  }

  private func match(name: String?, _ value: FirewallValue) -> FirewallMatch {
    guard let name else { return .maybe }
    switch value {
    case .word(let word): return word == name ? .yes : .no
    case .prefix(let prefix): return name.hasPrefix(prefix) ? .yes : .no
    default: return .maybe
    }
  }

  private func match(number: Int?, _ value: FirewallValue) -> FirewallMatch {
    guard let number, case .numbers(let range) = value else { return .maybe }
    return range.contains(number) ? .yes : .no
  }

  private func matchStatus(_ value: FirewallValue) -> FirewallMatch {
    switch value {
    case .word("dnat"): isTranslated ? .yes : .no
    case .word("snat"): .no
    default: .maybe
    }
  }

  private func matchType(_ value: FirewallValue) -> FirewallMatch {
    guard case .word("local") = value, let destinationIsLocal else { return .maybe }
    return destinationIsLocal ? .yes : .no
  }

  private static func number(_ address: IPAddress) -> UInt128 {
    switch address {
    case .v4(let bits): UInt128(bits)
    case .v6(let upper, let lower): UInt128(upper) << 64 | UInt128(lower)
    }
  }
}

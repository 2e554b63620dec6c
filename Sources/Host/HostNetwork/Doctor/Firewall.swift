import Inventory

/// A guest's first packet on its road, as far as rules look at it.
struct RoadPacket: Hashable {
  var source: IPAddress
  var destination: IPAddress
  /// TCP is all that guests send.
  var destinationPort: Int
  /// Nil where it is not known.
  var inDevice: String?
  var outDevice: String?
  /// What it was sent to, where a rule has translated it.
  var original: (address: IPAddress, port: Int)?

  static func == (one: Self, other: Self) -> Bool {
    one.source == other.source && one.destination == other.destination
      && one.destinationPort == other.destinationPort && one.inDevice == other.inDevice
      && one.outDevice == other.outDevice && one.original?.address == other.original?.address
      && one.original?.port == other.original?.port
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(source)
    hasher.combine(destination)
    hasher.combine(destinationPort)
  }
}

/// Whether a packet is one that a rule is for. What is not understood of a rule may fit.
enum Fit: Int, Comparable {
  case no
  case maybe
  case yes

  static func < (one: Fit, other: Fit) -> Bool { one.rawValue < other.rawValue }
  init(_ fits: Bool) { self = fits ? .yes : .no }
  init(_ fits: Bool?) { self = fits.map(Fit.init) ?? .maybe }
}

/// One condition of a rule.
struct FirewallCondition: Hashable {
  enum Subject: Hashable {
    case source([CIDR])
    case destination([CIDR])
    /// Names; a `*` at the end stands for any rest.
    case inDevice([String])
    case outDevice([String])
    /// Protocols by name.
    case transport([String])
    case destinationPort([ClosedRange<Int>])
    /// The connection's state.
    case state([String])
    /// Whether the destination was translated.
    case translated
    case originalDestination([CIDR])
    case originalPort([ClosedRange<Int>])
    case notUnderstood
  }

  var subject: Subject
  var isNegated = false

  func fit(_ packet: RoadPacket) -> Fit {
    let fit = plainFit(packet)
    guard isNegated else { return fit }
    return fit == .maybe ? .maybe : Fit(fit == .no)
  }

  private func plainFit(_ packet: RoadPacket) -> Fit {
    switch subject {
    case .source(let blocks): Fit(blocks.contains { $0.contains(packet.source) })
    case .destination(let blocks): Fit(blocks.contains { $0.contains(packet.destination) })
    case .inDevice(let names): FirewallCondition.fit(packet.inDevice, names)
    case .outDevice(let names): FirewallCondition.fit(packet.outDevice, names)
    case .transport(let names): Fit(!names.allSatisfy { !["tcp", "6", "all"].contains($0) })
    case .destinationPort(let ranges):
      Fit(ranges.contains { $0.contains(packet.destinationPort) })
    // The first packet of a connection decides what becomes of all.
    case .state(let names): Fit(names.contains("new"))
    case .translated: Fit(packet.original != nil)
    case .originalDestination(let blocks):
      Fit(packet.original.map { original in blocks.contains { $0.contains(original.address) } })
    case .originalPort(let ranges):
      Fit(packet.original.map { original in ranges.contains { $0.contains(original.port) } })
    case .notUnderstood: .maybe
    }
  }

  private static func fit(_ device: String?, _ names: [String]) -> Fit {
    guard let device else { return .maybe }
    return Fit(
      names.contains { name in
        name.hasSuffix("*") ? device.hasPrefix(name.dropLast()) : device == name
      })
  }
}

/// What a rule does with a packet that it is for.
enum FirewallVerdict: Hashable {
  case accept
  /// Dropped or rejected.
  case refuse
  /// Sent elsewhere, to an address and port where the rule names them.
  case translateDestination(IPAddress?, Int?)
  case translateSource
  /// Bound to the source that it has: no later rule translates it.
  case keepSource
  case jump(String)
  case goTo(String)
  case back
  /// It counts, logs or marks, and the packet goes on.
  case goOn
  case notUnderstood
}

struct FirewallRule: Hashable {
  /// `table inet nameplate, chain prerouting, handle 4`.
  var place: String
  /// As the tool prints it.
  var text: String
  var conditions: [FirewallCondition]
  var verdict: FirewallVerdict

  func fit(_ packet: RoadPacket) -> Fit {
    conditions.map { $0.fit(packet) }.min() ?? .yes
  }

  /// For an operator.
  var description: String { "'\(text)' (\(place))" }
}

struct FirewallChain: Hashable {
  /// What a packet meets it by; nil for one that is only jumped to.
  struct Hook: Hashable {
    enum Point: String {
      case prerouting, input, forward, output, postrouting
    }
    var point: Point
    /// `nat`, `filter` or `route`.
    var type: String
    /// The lower, the earlier.
    var priority: Int
    /// Whether what no rule decides is dropped.
    var dropsByDefault: Bool
  }

  /// The table that jumps stay in.
  var table: String
  var name: String
  /// `ip`, `ip6` or `inet`.
  var family: String
  var hook: Hook?
  var rules: [FirewallRule] = []

  var place: String { "\(table), chain \(name)" }
}

import CHostNetwork
import Glibc
import Inventory

/// What the kernel is asked.
enum RouteQuestion: Hashable {
  /// By which way something is sent to an address.
  /// - from: The sender's own address; nil where it must not count.
  /// - interface: The number of the interface that it must leave by; 0 for any.
  case route(to: IPAddress, from: IPAddress?, interface: UInt32)
  /// Which MAC an address has on an interface.
  case neighbour(IPAddress, interface: UInt32)
  /// What an interface is.
  case link(interface: UInt32)

  /// The type of the message that answers it.
  var answer: Int {
    switch self {
    case .route: np_new_route
    case .neighbour: np_new_neighbour
    case .link: np_new_link
    }
  }

  func message(_ sequence: UInt32) -> [UInt8] {
    switch self {
    case .route(let address, let local, let interface):
      // struct rtmsg
      let fixed =
        [RouteQuestion.family(of: address), UInt8(address.bitWidth), 0, 0, 0, 0, 0, 0]
        + RouteMessageWriter.host(UInt32(0))
      var writer = writer(np_get_route, sequence, fixed)
      writer.put(np_route_destination, address.networkBytes)
      if let local, local.isIPv4 == address.isIPv4 {
        writer.put(np_route_source, local.networkBytes)
      }
      if interface > 0 { writer.put(np_route_output, RouteMessageWriter.host(interface)) }
      return writer.bytes
    case .neighbour(let address, let interface):
      // struct ndmsg
      let fixed =
        [RouteQuestion.family(of: address), 0, 0, 0] + RouteMessageWriter.host(interface)
        + [0, 0, 0, 0]
      var writer = writer(np_get_neighbour, sequence, fixed)
      writer.put(np_neighbour_address, address.networkBytes)
      return writer.bytes
    case .link(let interface):
      // struct ifinfomsg
      let fixed =
        [0, 0, 0, 0] + RouteMessageWriter.host(interface) + [0, 0, 0, 0] + [0, 0, 0, 0]
      return writer(np_get_link, sequence, fixed).bytes
    }
  }

  private func writer(_ type: Int, _ sequence: UInt32, _ fixed: [UInt8]) -> RouteMessageWriter {
    RouteMessageWriter(
      type: type, flags: UInt16(np_flag_request), sequence: sequence, fixed: fixed)
  }

  static func family(of address: IPAddress) -> UInt8 {
    UInt8(truncatingIfNeeded: address.isIPv4 ? AF_INET : AF_INET6)
  }
}

/// The way to an address, as the kernel says it.
struct RouteAnswer: Hashable {
  let interface: UInt32
  /// Whether the address is on the interface's link: no router stands between.
  let isOnLink: Bool

  /// Nil for what is no way to another host: an address of this one, or none.
  init?(_ message: RouteMessage) {
    // struct rtmsg: the type of the route is its eighth byte.
    guard message.payload.count >= 12,
      message.payload[message.payload.startIndex + 7] == UInt8(np_route_unicast)
    else { return nil }
    let attributes = message.attributes(after: 12)
    guard let interface = attributes[np_route_output]?.word(at: 0), interface > 0 else {
      return nil
    }
    self.interface = interface
    isOnLink = attributes[np_route_gateway] == nil && attributes[np_route_via] == nil
  }
}

/// What the neighbour table has for an address.
enum NeighbourAnswer: Hashable {
  case known(MACAddress)
  /// It is being looked for, or was and is not found.
  case unresolved
  /// The link has no MACs, or others than Ethernet's.
  case without

  init?(_ message: RouteMessage) {
    // struct ndmsg: the state follows the family, padding and the interface's number.
    guard let state = message.payload.half(at: 8).map({ Int($0) }), message.payload.count >= 12
    else { return nil }
    if state & np_neighbour_without != 0 {
      self = .without
    } else if state == 0 || state & np_neighbour_unresolved != 0 {
      self = .unresolved
    } else if let link = message.attributes(after: 12)[np_neighbour_link] {
      self = MACAddress(bytes: link).map { .known($0) } ?? .without
    } else {
      self = .unresolved
    }
  }
}

extension RouteMessage {
  /// Whether an interface's neighbours have MACs that are looked for; nil for what is no interface.
  var hasMACs: Bool? {
    // struct ifinfomsg
    guard let type = payload.half(at: 2), let flags = payload.word(at: 8) else { return nil }
    return Int(type) == np_link_ethernet && Int(flags) & np_link_without == 0
  }

  /// The errno of an NLMSG_ERROR; nil where it is none.
  var errorCode: Int32? {
    guard type == np_message_error, let code = payload.word(at: 0) else { return nil }
    return 0 &- Int32(bitPattern: code)
  }
}

extension IPAddress {
  /// 4 or 16 bytes in network order.
  var networkBytes: [UInt8] {
    switch self {
    case .v4(let bits): RouteMessageWriter.host(bits.bigEndian)
    case .v6(let upper, let lower):
      RouteMessageWriter.host(upper.bigEndian) + RouteMessageWriter.host(lower.bigEndian)
    }
  }
}

extension MACAddress {
  /// Nil for other than six bytes, and for none set.
  init?(bytes: ArraySlice<UInt8>) {
    guard bytes.count == 6, bytes.contains(where: { $0 != 0 }) else { return nil }
    self.init(bits: bytes.reduce(0) { $0 << 8 | UInt64($1) })
  }
}

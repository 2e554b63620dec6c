import Inventory
import TestKit

/// What a guest puts on the wire as one thing: frames that each end in a mark of their own.
struct GuestFrame {
  let name: String
  let parts: [[UInt8]]

  static var all: [GuestFrame] {
    bodies.enumerated().map { number, body in
      GuestFrame(
        name: body.name,
        parts: body.parts.enumerated().map { part, make in
          make(mark + [UInt8(number), UInt8(part)])
        })
    }
  }

  /// The names of those that are seen until the last one is, which is honest: of honest ones every
  /// part, of spoofed ones any.
  static func arriving(at wire: PacketSocket) -> Set<String> {
    let frames = all
    var seen: [Set<UInt8>] = frames.map { _ in [] }
    while seen.last == [], let frame = wire.receive() {
      let end = Array(frame.suffix(8))
      guard end.starts(with: mark), Int(end[6]) < seen.count else { continue }
      seen[Int(end[6])].insert(end[7])
    }
    let arrived = zip(frames, seen).filter { frame, seen in
      seen.count >= (frame.name.hasPrefix("honest") ? frame.parts.count : 1)
    }
    return Set(arrived.map(\.0.name))
  }

  // MARK: What is sent

  /// A frame by its mark, which stands within the packet's length.
  private typealias Part = (_ mark: [UInt8]) -> [UInt8]

  private static let mark = Array("MARKED".utf8)
  private static let own = mac(6)
  private static let victim = mac(5)
  private static let linkLocal = "fe80::f816:3eff:fe00:6"

  private static var bodies: [(name: String, parts: [Part])] {
    spoofed.map { ("spoof: " + $0, $1) } + honest.map { ("honest: " + $0, $1) }
  }

  private static var spoofed: [(String, [Part])] {
    [
      ("source MAC", [arp("10.20.0.6", mac: mac(7), source: mac(7))]),
      ("IPv4 of the victim", [ipv4("10.20.0.5")]),
      ("IPv4 of nobody", [ipv4("10.20.0.99")]),
      ("IPv4 unspecified, no DHCP", [ipv4("0.0.0.0")]),
      ("ARP sender's address", [arp("10.20.0.5")]),
      ("ARP sender's address, asking", [arp("10.20.0.5", operation: 1)]),
      ("ARP sender's MAC", [arp("10.20.0.6", mac: victim)]),
      ("ARP, another operation", [arp("10.20.0.6", operation: 8)]),
      ("IPv6 of the victim", [ipv6("fd20::5", udp(4000), kind: 17)]),
      ("link-local of the victim", [ipv6("fe80::f816:3eff:fe00:5", udp(4000), kind: 17)]),
      ("neighbour advertisement of the victim's", [ipv6("fd20::6", icmp(136, "fd20::5"))]),
      ("neighbour advertisement from nobody", [ipv6("::", icmp(136, "fd20::6"))]),
      ("DAD for the victim's", [ipv6("::", icmp(135, "fd20::5"))]),
      ("router advertisement", [ipv6(linkLocal, icmp(134))]),
      ("redirect", [ipv6(linkLocal, icmp(137))]),
      (
        // A first fragment whose header chain goes on in the next one.
        "router advertisement behind a cut header chain",
        [ipv6(linkLocal, [60, 0, 0, 1, 0, 0, 0, 1, 58, 7, 1, 4, 0, 0, 0, 0], kind: 44)]
      ),
      ("metadata address, ARP", [arp("169.254.169.254")]),
      ("metadata address, IPv4", [ipv4("169.254.169.254", from: 80)]),
      ("metadata address, IPv6", [ipv6("fe80::a9fe:a9fe", icmp(136, "fe80::a9fe:a9fe"))]),
      ("metadata address, advertised", [ipv6("fd20::6", icmp(136, "fd00:ec2::254"))]),
      (
        "DHCP server, DHCPv6 server and another protocol",
        [
          ipv4("10.20.0.6", from: 67, to: 68), ipv6(linkLocal, udp(547), kind: 17),
          ethernet(0x88CC) { $0 },
        ]
      ),
    ]
  }

  private static var honest: [(String, [Part])] {
    [
      ("ARP request", [arp("10.20.0.6", operation: 1)]),
      ("ARP reply", [arp("10.20.0.6")]),
      ("ARP probe", [arp("0.0.0.0", operation: 1)]),
      ("DHCP discover", [ipv4("0.0.0.0", from: 68, to: 67)]),
      ("IPv4", [ipv4("10.20.0.6")]),
      ("IPv6", [ipv6("fd20::6", udp(4000), kind: 17)]),
      (
        "a later fragment",
        [ipv6("fd20::6", [17, 0, 0, 8, 0, 0, 0, 1] + Array("rest".utf8), kind: 44)]
      ),
      ("neighbour advertisement", [ipv6("fd20::6", icmp(136, "fd20::6"))]),
      ("DAD and MLD", [ipv6("::", icmp(135, "fd20::6")), ipv6("::", icmp(143))]),
      ("last", [ipv6(linkLocal, icmp(135, "fd20::5"))]),
    ]
  }

  // MARK: Its layers

  private static func ethernet(_ kind: UInt16, from source: [UInt8] = own, _ body: @escaping Part)
    -> Part
  {
    { mark in join([UInt8](repeating: 0xFF, count: 6), source, big(kind), body(mark)) }
  }

  private static func arp(
    _ sender: String, mac: [UInt8] = own, operation: UInt8 = 2, source: [UInt8] = own
  ) -> Part {
    ethernet(0x0806, from: source) { mark in
      join(
        [0, 1, 8, 0, 6, 4, 0, operation], mac, bytes(sender), victim, bytes("10.20.0.5"), mark)
    }
  }

  /// A datagram of UDP to everybody on the link.
  private static func ipv4(_ source: String, from sender: UInt16 = 4000, to receiver: UInt16 = 4000)
    -> Part
  {
    ethernet(0x0800) { mark in
      var head = join(
        [0x45, 0], big(UInt16(28 + mark.count)), [0, 1, 0, 0, 64, 17, 0, 0], bytes(source),
        bytes("255.255.255.255"))
      let sum = stride(from: 0, to: head.count, by: 2).reduce(0) {
        $0 + Int(head[$1]) << 8 + Int(head[$1 + 1])
      }
      head.replaceSubrange(10..<12, with: big(~UInt16(truncatingIfNeeded: sum + sum >> 16)))
      return join(head, big(sender), big(receiver), big(UInt16(8 + mark.count)), [0, 0], mark)
    }
  }

  /// - Parameter kind: What the body is; ICMPv6 is 58.
  private static func ipv6(_ source: String, _ body: [UInt8], kind: UInt8 = 58) -> Part {
    ethernet(0x86DD) { mark in
      join(
        [0x60, 0, 0, 0], big(UInt16(body.count + mark.count)), [kind, 255], bytes(source),
        bytes("ff02::1"), body, mark)
    }
  }

  private static func icmp(_ type: UInt8, _ target: String = "::") -> [UInt8] {
    [type, 0, 0, 0, 0, 0, 0, 0] + bytes(target)
  }

  /// The head of a datagram with a mark in it.
  private static func udp(_ sender: UInt16) -> [UInt8] {
    join(big(sender), big(UInt16(4000)), big(UInt16(16)), [0, 0])
  }

  private static func join(_ parts: [UInt8]...) -> [UInt8] { Array(parts.joined()) }

  private static func mac(_ last: UInt8) -> [UInt8] { [0xFA, 0x16, 0x3E, 0, 0, last] }

  private static func bytes(_ address: String) -> [UInt8] {
    switch IPAddress(address) {
    case .v4(let bits): big(bits)
    case .v6(let upper, let lower): big(upper) + big(lower)
    case nil: []
    }
  }

  private static func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    unsafe withUnsafeBytes(of: number.bigEndian) { unsafe Array($0) }
  }
}

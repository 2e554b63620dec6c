import Foundation
import Inventory
import Testing

@testable import HostNetwork

@Suite("A guest's port is kept to its own addresses")
struct PortGuardTextTests {
  static let mac = MACAddress("fa:16:3e:00:00:06")!

  @Test("the rules name the MAC, the addresses and the link-local one that follows from it")
  func text() throws {
    let port = try PortGuard(
      device: "tap6", mac: Self.mac,
      addresses: ["10.20.0.6", "fd20::6"].compactMap { IPAddress($0) })
    let text = PortGuards.text(port)
    #expect(text.hasPrefix("# nft -f -\n"))
    #expect(text.contains("table netdev nameplate-tap6 {\n}\ndelete table netdev nameplate-tap6\n"))
    #expect(text.contains("hook ingress device \"tap6\""))
    #expect(text.contains("ether saddr != fa:16:3e:00:00:06 counter drop"))
    #expect(text.contains("ip6 saddr { fd20::6, fe80::f816:3eff:fe00:6 }"))
    #expect(text.contains("0xfe80000000000000f8163efffe000006"))
  }

  @Test(
    "what is no guest's is refused with a sentence",
    arguments: [
      ("tap6", "fa:16:3e:00:00:06", "169.254.169.254"),
      ("tap6", "fa:16:3e:00:00:06", "fe80::a9fe:a9fe"),
      ("tap6", "fa:16:3e:00:00:06", "fd00:ec2::254"),
      ("tap6", "fa:16:3e:00:00:06", "127.0.0.1"), ("tap6", "fa:16:3e:00:00:06", "255.255.255.255"),
      ("tap6", "fa:16:3e:00:00:06", "ff02::1"), ("tap6", "01:00:5e:00:00:06", "10.20.0.6"),
      ("tap6", "00:00:00:00:00:00", "10.20.0.6"), ("tap 6", "fa:16:3e:00:00:06", "10.20.0.6"),
      ("lo", "fa:16:3e:00:00:06", "10.20.0.6"), ("", "fa:16:3e:00:00:06", "10.20.0.6"),
      ("tap6\"; flush ruleset", "fa:16:3e:00:00:06", "10.20.0.6"),
    ])
  func refused(device: String, mac: String, address: String) throws {
    let mac = try #require(MACAddress(mac))
    let address = try #require(IPAddress(address))
    #expect(throws: RedirectPlanError.self) {
      try PortGuard(device: device, mac: mac, addresses: [address])
    }
  }
}

@Suite("Guarded ports", .enabled(if: isRoot, "network namespaces need root"))
struct PortGuardTests {
  /// Two guests on a bridge; the one with the port tap6 is guarded.
  private struct Link {
    let network: TestNetwork
    let guards: PortGuards
    let port: PortGuard

    init() throws {
      network = try TestNetwork(["host", "victim", "guest"])
      guards = PortGuards(tools: network.tools("host"))
      port = try PortGuard(
        device: "tap6", mac: PortGuardTextTests.mac,
        addresses: ["10.20.0.6", "fd20::6"].compactMap { IPAddress($0) })
      do {
        try network.sh(
          "host",
          "ip link add br0 type bridge mcast_snooping 0; ip address add 10.20.0.1/24 dev br0")
        for (name, number) in [("victim", 5), ("guest", 6)] {
          try network.sh(
            """
            ip link add tap\(number) netns \(network["host"]) type veth peer name eth0 \
            address fa:16:3e:00:00:0\(number) netns \(network[name])
            """)
          try network.sh(
            name,
            """
            ip link set eth0 up
            ip address add 10.20.0.\(number)/24 dev eth0
            ip address add fd20::\(number)/64 dev eth0 nodad
            """)
          try network.sh("host", "ip link set tap\(number) master br0 up")
        }
        try network.sh("host", "ip link set br0 up")
      } catch {
        network.remove()
        throw error
      }
    }

    /// The names of the frames that arrive at the victim, of all that the guest sends.
    func arriving() throws -> Set<String> {
      let script = network.record + ".py"
      try Data(PortGuardTests.frames.utf8).write(to: URL(fileURLWithPath: script))
      defer { try? FileManager.default.removeItem(atPath: script) }
      let output = try network.run(
        [
          "sh", "-c",
          """
          ip netns exec \(network["victim"]) python3 \(script) receive >\(script).out 3>\(script).up &
          while [ ! -s \(script).up ]; do :; done
          ip netns exec \(network["guest"]) python3 \(script) send && wait && cat \(script).out
          rm -f \(script).out \(script).up
          """,
        ])
      #expect(output.status == 0, "\(output.error)")
      return Set(output.output.split(separator: "\n").map(String.init))
    }
  }

  @Test(
    "honest traffic passes, each kind of spoofing is dropped and counted, removal leaves nothing")
  func spoofs() async throws {
    let link = try Link()
    defer { link.network.remove() }
    try link.network.sh("host", "nft add table inet other")
    let before = try link.network.sh("host", "nft list ruleset")
    let all = try link.arriving()
    let honest = all.filter { $0.hasPrefix("honest") }
    #expect(all.count == 31, "every frame arrives where nothing is guarded: \(all.sorted())")
    #expect(honest.count == 10)

    #expect(try await link.guards.install(link.port) != .unchanged)
    #expect(try link.arriving() == honest)
    let report = try await link.guards.check(link.port)
    #expect(report.isInPlace, "\(report.drift)")
    #expect(report.drops.allSatisfy { $0.packets > 0 }, "\(report.drops)")
    #expect(
      Set(report.drops.map(\.reason)) == [
        "source MAC", "other protocol", "metadata address", "ARP sender", "DHCP server",
        "IPv4 source", "neighbour advertisement", "router", "IPv6 source",
      ])

    #expect(try await link.guards.remove(device: "tap6"))
    #expect(try link.network.sh("host", "nft list ruleset") == before)
    #expect(try link.arriving() == all)
    #expect(try await link.guards.remove(device: "tap6") == false)
  }

  @Test("a guarded guest talks as before: TCP over IPv4, IPv6 and link-local, both ways")
  func honest() async throws {
    let link = try Link()
    defer { link.network.remove() }
    _ = try await link.guards.install(link.port)
    let other = "fe80::f816:3eff:fe00:5"
    let own = "fe80::f816:3eff:fe00:6"
    for (address, url, source) in [
      ("10.20.0.5", "10.20.0.5", "10.20.0.6"), ("fd20::5", "[fd20::5]", "fd20::6"),
      (other, "[\(other)%25eth0]", own),
    ] {
      try link.network.serve("victim", "here", at: address, port: 80, device: "eth0")
      #expect(try link.network.curl("guest", "http://\(url)/").output == "here \(source)")
    }
    try link.network.serve("guest", "there", at: "fd20::6", port: 80)
    #expect(try link.network.curl("victim", "http://[fd20::6]/").output == "there fd20::5")
    // With an address that it was not given, not even to whoever would answer.
    try link.network.sh("guest", "ip address flush dev eth0; ip address add 10.20.0.9/24 dev eth0")
    #expect(
      try link.network.curl("guest", "http://10.20.0.5/", ["--connect-timeout", "1"]).status != 0)
  }

  @Test("installing is idempotent, mends what was changed, and follows the addresses")
  func drift() async throws {
    let link = try Link()
    defer { link.network.remove() }
    let (guards, port) = (link.guards, link.port)
    #expect(
      try await guards.install(port)
        == .installed(["the table netdev nameplate-tap6 is missing"]))
    #expect(try await guards.install(port) == .unchanged)
    try link.network.sh("host", "nft flush chain netdev nameplate-tap6 ipv4_packets")
    #expect(
      try await guards.check(port).drift
        == ["the chain ipv4_packets of table netdev nameplate-tap6 has no rules"])
    #expect(try await guards.install(port) != .unchanged)
    #expect(try await guards.check(port).isInPlace)
    let fewer = try PortGuard(device: "tap6", mac: port.mac, addresses: [])
    #expect(try await guards.check(fewer).isInPlace == false)
    #expect(try await guards.install(fewer) != .unchanged)
    #expect(try await guards.check(fewer).isInPlace)
    let missing = try PortGuard(device: "tap9", mac: port.mac, addresses: [])
    await #expect(throws: RedirectError.missingDevice("tap9")) { try await guards.install(missing) }
    // A port that is gone leaves rules, which can be taken away still.
    try link.network.sh("host", "ip link del tap6")
    #expect(try await guards.remove(device: "tap6"))
    #expect(try link.network.sh("host", "nft list ruleset") == "")
  }

  /// Every frame ends in a mark and its number; the last one, which is honest, ends the test.
  static let frames = #"""
    import os, socket, struct, sys
    own, victim, other = (bytes.fromhex("fa163e0000" + end) for end in ("06", "05", "07"))
    every = b"\xff" * 6
    a4 = lambda text: socket.inet_aton(text)
    a6 = lambda text: socket.inet_pton(socket.AF_INET6, text)
    lla = "fe80::f816:3eff:fe00:6"
    # A frame is a function of its mark, which stands within the packet's length.
    def ether(kind, body, source=own, to=every):
      return lambda mark: to + source + struct.pack("!H", kind) + body(mark)
    def arp(ip, mac=own, operation=2, source=own):
      return ether(0x806, lambda mark: struct.pack("!HHBBH", 1, 0x800, 6, 4, operation) + mac
        + a4(ip) + victim + a4("10.20.0.5") + mark, source)
    def ip4(source, sport=4000, dport=4000):
      def body(mark):
        head = (struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(mark), 1, 0, 64, 17, 0) + a4(source)
          + a4("255.255.255.255"))
        total = sum(struct.unpack("!10H", head))
        check = struct.pack("!H", 0xffff - (total + (total >> 16) & 0xffff))
        return (head[:10] + check + head[12:] + struct.pack("!HHHH", sport, dport, 8 + len(mark), 0)
          + mark)
      return ether(0x800, body)
    def ip6(source, body, protocol=58, to="ff02::1"):
      return ether(0x86dd, lambda mark: struct.pack("!IHBB", 6 << 28, len(body + mark), protocol, 255)
        + a6(source) + a6(to) + body + mark)
    def icmp6(kind, target="::"): return struct.pack("!BBHI", kind, 0, 0, 0) + a6(target)
    def udp6(sport): return struct.pack("!HHHH", sport, 4000, 16, 0)
    # A first fragment whose header chain goes on in the next one.
    cut = bytes([60, 0, 0, 1, 0, 0, 0, 1]) + bytes([58, 7, 1, 4, 0, 0, 0, 0])
    frames = [
      ("spoof: source MAC", arp("10.20.0.6", mac=other, source=other)),
      ("spoof: IPv4 of the victim", ip4("10.20.0.5")),
      ("spoof: IPv4 of nobody", ip4("10.20.0.99")),
      ("spoof: IPv4 unspecified, no DHCP", ip4("0.0.0.0")),
      ("spoof: ARP sender's address", arp("10.20.0.5")),
      ("spoof: ARP sender's address, asking", arp("10.20.0.5", operation=1)),
      ("spoof: ARP sender's MAC", arp("10.20.0.6", mac=victim)),
      ("spoof: ARP, another operation", arp("10.20.0.6", operation=8)),
      ("spoof: IPv6 of the victim", ip6("fd20::5", udp6(4000), 17)),
      ("spoof: link-local of the victim", ip6("fe80::f816:3eff:fe00:5", udp6(4000), 17)),
      ("spoof: neighbour advertisement of the victim's", ip6("fd20::6", icmp6(136, "fd20::5"))),
      ("spoof: neighbour advertisement from nobody", ip6("::", icmp6(136, "fd20::6"))),
      ("spoof: DAD for the victim's", ip6("::", icmp6(135, "fd20::5"))),
      ("spoof: router advertisement", ip6(lla, icmp6(134))),
      ("spoof: redirect", ip6(lla, icmp6(137))),
      ("spoof: router advertisement behind a cut header chain", ip6(lla, cut, 44)),
      ("spoof: metadata address, ARP", arp("169.254.169.254")),
      ("spoof: metadata address, IPv4", ip4("169.254.169.254", sport=80)),
      ("spoof: metadata address, IPv6",
        ip6("fe80::a9fe:a9fe", icmp6(136, "fe80::a9fe:a9fe"))),
      ("spoof: metadata address, advertised", ip6("fd20::6", icmp6(136, "fd00:ec2::254"))),
      ("spoof: DHCP server, DHCPv6 server and another protocol",
        [ip4("10.20.0.6", 67, 68), ip6(lla, udp6(547), 17), ether(0x88cc, lambda mark: mark)]),
      ("honest: ARP request", arp("10.20.0.6", operation=1)),
      ("honest: ARP reply", arp("10.20.0.6")),
      ("honest: ARP probe", arp("0.0.0.0", operation=1)),
      ("honest: DHCP discover", ip4("0.0.0.0", 68, 67)),
      ("honest: IPv4", ip4("10.20.0.6")),
      ("honest: IPv6", ip6("fd20::6", udp6(4000), 17)),
      ("honest: a later fragment", ip6("fd20::6", bytes([17, 0, 0, 8, 0, 0, 0, 1]) + b"rest", 44)),
      ("honest: neighbour advertisement", ip6("fd20::6", icmp6(136, "fd20::6"))),
      ("honest: DAD and MLD", [ip6("::", icmp6(135, "fd20::6")), ip6("::", icmp6(143))]),
      ("honest: last", ip6(lla, icmp6(135, "fd20::5"))),
    ]
    frames = [(name, f if type(f) is list else [f]) for name, f in frames]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind(("eth0", 0))
    if sys.argv[1] == "send":
      for number, (name, parts) in enumerate(frames):
        for index, part in enumerate(parts): wire.send(part(b"MARKED" + bytes([number, index])))
    else:
      os.write(3, b"up")
      seen = {}
      wire.settimeout(20)
      while frames[-1][0] not in seen:
        frame = wire.recv(2000)
        if frame[-8:-2] == b"MARKED": seen.setdefault(frames[frame[-2]][0], set()).add(frame[-1])
      for name, parts in frames:
        # Of honest ones all, of spoofed ones any.
        if len(seen.get(name, [])) >= (len(parts) if name.startswith("honest") else 1): print(name)
    """#
}

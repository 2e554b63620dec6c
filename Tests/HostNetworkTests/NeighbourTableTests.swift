import Glibc
import HostNetwork
import Inventory
import Testing

@Suite("The neighbour table", .enabled(if: isRoot, "network namespaces need root"))
struct NeighbourTableTests {
  /// The host with a bridge that a guest is on, and a router behind which another one is.
  private struct Link {
    let network: TestNetwork
    let table: NeighbourTable

    init() async throws {
      network = try TestNetwork(["host", "guest", "router"])
      do {
        table = try await Link.make(network)
      } catch {
        network.remove()
        throw error
      }
    }

    private static func make(_ network: TestNetwork) async throws -> NeighbourTable {
      try network.link("host", "tap0", "guest", "eth0")
      try network.link("host", "up0", "router", "eth0")
      try network.sh(
        "host",
        """
        ip link add br0 index 4711 type bridge
        ip link set tap0 master br0
        ip link set br0 up
        ip address add 10.20.0.1/24 dev br0
        ip address add fd20::1/64 dev br0 nodad
        ip address add 10.30.0.4/24 dev up0
        ip route add 10.40.0.0/24 via 10.30.0.1
        ip -6 route add fd40::/64 via fe80::1 dev up0
        ip route add 10.50.0.0/24 via inet6 fe80::1 dev up0
        ip tuntap add dev tun0 mode tun
        ip link set tun0 up
        ip route add 10.60.0.0/24 dev tun0
        ip route add blackhole 10.70.0.0/24
        """)
      try network.sh(
        "guest",
        """
        ip link set eth0 address fa:16:3e:00:00:05
        ip address add 10.20.0.5/24 dev eth0
        ip address add fd20::5/64 dev eth0 nodad
        ip address add fe80::f816:3eff:fe00:5/64 dev eth0 nodad
        """)
      let socket = try await NamespaceSocket.open(
        NamespaceSocket.Request(
          namespace: network["host"], address: .v4(0xA9FE_A9FE), port: 80))
      let (descriptor, table) = socket.take()
      close(descriptor)
      return table
    }

    func way(_ address: String, from local: String? = nil, by interface: UInt32 = 0)
      -> NeighbourTable.Way
    {
      table.way(
        to: IPAddress(address) ?? .v4(0), from: local.flatMap { IPAddress($0) }, by: interface)
    }
  }

  private static let mac = MACAddress("fa:16:3e:00:00:05")!
  private static let linkLocal = "fe80::f816:3eff:fe00:5"

  @Test(
    "a guest on the link has its MAC, of IPv4, IPv6 and link-local alike, in the right namespace")
  func onLink() async throws {
    let link = try await Link()
    defer { link.network.remove() }
    for (address, url) in [
      ("10.20.0.5", "10.20.0.5"), ("fd20::5", "[fd20::5]"),
      (Self.linkLocal, "[\(Self.linkLocal)%25br0]"),
    ] {
      try link.network.serve("guest", "here", at: address, port: 80, device: "eth0")
      #expect(try link.network.curl("host", "http://\(url)/").output.hasPrefix("here"))
    }
    // What it is not asked about is not known: nobody has the address.
    #expect(link.way("10.20.0.9") == .unresolved)
    #expect(link.way("10.20.0.5", from: "10.20.0.1") == .onLink(Self.mac))
    // A listener's address that no interface has.
    #expect(link.way("10.20.0.5", from: "169.254.169.254") == .onLink(Self.mac))
    #expect(link.way("10.20.0.5", by: 4711) == .onLink(Self.mac))
    #expect(link.way("fd20::5", from: "fd20::1") == .onLink(Self.mac))
    #expect(link.way(Self.linkLocal, from: "fe80::a9fe:a9fe", by: 4711) == .onLink(Self.mac))
    // Out here is another namespace, without any of that.
    let here = try NeighbourTable.open()
    #expect(here.way(to: .v4(0x0A14_0005), from: nil, by: 0) != .onLink(Self.mac))
  }

  @Test("what the table has changes with it")
  func changes() async throws {
    let link = try await Link()
    defer { link.network.remove() }
    let other = MACAddress("fa:16:3e:00:00:06")!
    let set = { (words: String) -> Void in
      try link.network.sh("host", "ip neigh replace 10.20.0.5 dev br0 \(words)")
    }
    try set("lladdr \(Self.mac) nud permanent")
    #expect(link.way("10.20.0.5") == .onLink(Self.mac))
    try set("lladdr \(other) nud stale")
    #expect(link.way("10.20.0.5") == .onLink(other))
    try set("lladdr \(other) nud failed")
    #expect(link.way("10.20.0.5") == .unresolved)
    try set("lladdr \(other) nud noarp")
    #expect(link.way("10.20.0.5") == .onLinkWithoutMAC)
    try link.network.sh("host", "ip neigh del 10.20.0.5 dev br0")
    #expect(link.way("10.20.0.5") == .unresolved)
  }

  @Test(
    "other ways are told apart",
    arguments: [
      ("10.40.0.5", .routed), ("fd40::5", .routed), ("10.50.0.5", .routed),
      ("10.60.0.5", .onLinkWithoutMAC), ("10.70.0.5", .unknown), ("10.20.0.1", .unknown),
      ("192.0.2.1", .unknown), ("255.255.255.255", .unknown), ("ff02::1", .unknown),
    ] as [(String, NeighbourTable.Way)])
  func others(address: String, way: NeighbourTable.Way) async throws {
    let link = try await Link()
    defer { link.network.remove() }
    #expect(link.way(address) == way)
  }

  @Test("many threads ask at once and each gets its own answer")
  func threads() async throws {
    let link = try await Link()
    defer { link.network.remove() }
    try link.network.sh(
      "host",
      """
      for i in $(seq 2 250); do
        ip neigh add 10.20.0.$i lladdr fa:16:3e:00:01:$(printf %02x $i) nud permanent dev br0
      done
      """)
    let table = link.table
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for round in 0..<2000 {
            let last = UInt32(2 + round % 249)
            let mac = MACAddress(bits: 0xFA_163E_0001_00 | UInt64(last))
            #expect(table.way(to: .v4(0x0A14_0000 | last), from: nil, by: 0) == .onLink(mac))
          }
        }
      }
    }
  }
}

import Foundation
import Inventory
import TestKit
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
        // Before the kernel has brought all ends up, frames are lost.
        let isUp = "ip link show eth0 | grep -q state.UP"
        let isForwarding = "[ $(bridge link | grep -c state.forwarding) = 2 ]"
        for (name, test) in [("victim", isUp), ("guest", isUp), ("host", isForwarding)] {
          try network.sh(name, "timeout 20 sh -c 'until \(test); do :; done'")
        }
      } catch {
        network.remove()
        throw error
      }
    }

    /// The names of the frames that arrive at the victim, of all that the guest sends.
    func arriving() async throws -> Set<String> {
      let open = { @Sendable () throws in try PacketSocket(device: "eth0") }
      let receiver = try await NetworkNamespace.run(network["victim"], open)
      let sender = try await NetworkNamespace.run(network["guest"], open)
      return try await NetworkNamespace.run(network["victim"]) {
        for frame in GuestFrame.all { for part in frame.parts { try sender.send(part) } }
        return GuestFrame.arriving(at: receiver)
      }
    }
  }

  @Test(
    "honest traffic passes, each kind of spoofing is dropped and counted, removal leaves nothing")
  func spoofs() async throws {
    let link = try Link()
    defer { link.network.remove() }
    try link.network.sh("host", "nft add table inet other")
    let before = try link.network.sh("host", "nft list ruleset")
    let all = try await link.arriving()
    let honest = all.filter { $0.hasPrefix("honest") }
    #expect(all.count == 31, "every frame arrives where nothing is guarded: \(all.sorted())")
    #expect(honest.count == 10)

    #expect(try await link.guards.install(link.port) != .unchanged)
    #expect(try await link.arriving() == honest)
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
    #expect(try await link.arriving() == all)
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
}

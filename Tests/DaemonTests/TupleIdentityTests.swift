import Foundation
import HostNetwork
import Inventory
import Logging
import MetadataService
import TestKit
import Testing

@testable import Daemon

@Suite("A MAC behind each address", .enabled(if: isRoot, "network namespaces need root"))
struct TupleIdentityTests {
  static let ways = [
    ("10.20.0.5", SharedLink.service), ("fd20::5", "[fd20::1]"),
    (SharedLink.honestLinkLocal, "[fe80::a9fe:a9fe%25eth0]"),
  ]

  @Test(
    "who takes another guest's address gets nothing of it: IPv4, IPv6 and link-local",
    arguments: [true, false])
  func spoofed(inside: Bool) async throws {
    let link = try await SharedLink()
    defer { link.remove() }
    let daemon = try await link.daemon(inside: inside)
    defer { daemon.stop() }
    for (_, service) in Self.ways {
      #expect(try await link.ask(link.honest, service) == "honest 200", "\(service)")
      #expect(try await link.ask(link.evil, service) == "evil 200", "\(service)")
    }
    // The honest guest is shut down, and what the link has learnt of it is forgotten.
    try await link.shell(
      "ip -n \(link.honest) link set eth0 down; ip -n \(link.host) neigh flush dev br0")
    for (address, service) in Self.ways {
      try await link.take(address)
      // Without it the line that is waited for below would not come.
      let answer = try await link.ask(link.evil, service)
      try #require(answer == "404 Not Found 404", "\(address)")
      let line =
        "refused: the address is instance 11111111-2222-4333-8444-555555555555's on net-a, whose MAC"
        + " is \(SharedLink.honestMAC); the neighbour table has \(SharedLink.evilMAC)"
      #expect(await daemon.log(until: line).contains(line))
    }
    #expect(try await daemon.command("status").out.contains("refusals.mac-mismatch  3"))
  }

  @Test(
    "a poisoned neighbour table is no way in, and the honest guest is answered when it is mended")
  func poisoned() async throws {
    let link = try await SharedLink()
    defer { link.remove() }
    let daemon = try await link.daemon(inside: true)
    defer { daemon.stop() }
    #expect(try await link.ask(link.honest) == "honest 200")
    try await link.take("10.20.0.5")
    try await link.announce("10.20.0.5", from: link.evil)
    #expect(try await link.ask(link.evil) == "404 Not Found 404")
    try await link.announce("10.20.0.5", from: link.honest)
    #expect(try await link.ask(link.honest) == "honest 200")
  }

  @Test("audit answers, counts and tells; off does neither; both are a change of the network alone")
  func checks() async throws {
    let link = try await SharedLink()
    defer { link.remove() }
    let daemon = try await link.daemon(inside: true, check: "audit")
    defer { daemon.stop() }
    try await link.shell("ip -n \(link.honest) link set eth0 down")
    try await link.take("10.20.0.5")
    for _ in 0..<2 { #expect(try await link.ask(link.evil) == "honest 200") }
    let counts = try await daemon.command("status").out
    let rows = counts.split(separator: "\n").map { $0.split(separator: " ") }
    try #require(rows.contains(["audit.mac-mismatch", "2"]), "\(counts)")
    let line = "would be refused: the address is instance"
    #expect(await daemon.log(until: line).contains(line))
    for (check, answer) in [("off", "honest 200"), ("enforce", "404 Not Found 404")] {
      let network = "kind: Network\nid: net-a\nmacCheck: \(check)\n"
      #expect(try await daemon.command("apply", "-f", "-", input: network).status == 0)
      #expect(try await link.ask(link.evil) == answer)
    }
    let status = try await daemon.command("status").out
    #expect(status.contains("audit.mac-mismatch     2"))
    #expect(status.contains("refusals.mac-mismatch  1"))
  }

  @Test("the doctor says of a guest that somebody else used its address, with both MACs")
  func doctor() async throws {
    let link = try await SharedLink()
    defer { link.remove() }
    let daemon = try await link.daemon(inside: true)
    defer { daemon.stop() }
    let examine = { (guest: String) in
      try await daemon.command(
        "doctor", "--netns", link.host, "--as-guest", guest, "--redirect-shape", "local",
        "--listeners", "[{address: 169.254.169.254, port: 80, device: br0, network: net-a}]"
      ).out
    }
    #expect(try await examine("10.20.0.5").contains("✓ mac "))
    try await link.shell("ip -n \(link.honest) link set eth0 down")
    try await link.take("10.20.0.5")
    #expect(try await link.ask(link.evil) == "404 Not Found 404")
    let words = try await examine("10.20.0.5")
    #expect(words.contains("requests came with another MAC: 1 from 10.20.0.5"), "\(words)")
    #expect(words.contains("is \(SharedLink.honestMAC); the neighbour table has"), "\(words)")
    #expect(words.contains(SharedLink.evilMAC))
    #expect(try await examine("10.20.0.6").contains("✓ mac "))
    let strangers = try await Program.tool(
      "curl", "-sf", "--unix-socket", daemon.socket, "http://x/v1/strangers")
    #expect(strangers.contains(#""seen": "\#(SharedLink.evilMAC)""#), "\(strangers)")
  }

  @Test("behind a router there is no MAC to compare")
  func routed() async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let rules = TranslatedSourceTests.rules.replacing(
      "ip saddr 10.20.0.0/24 masquerade", with: "")
    try await network.inside(network.router, "nft", "-f", "-", input: rules)
    // The record has a MAC that is neither the guest's nor the router's.
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: GuestNetworkTests.manifest)
    defer { daemon.stop() }
    let hostname = try await network.inside(
      network.guest, "curl", "-sf", "\(TranslatedSourceTests.base)/latest/meta-data/hostname")
    #expect(hostname.out == "guest-5")
  }

  @Test(
    "the routers between are what the way back says, or what the operator does",
    arguments: [
      (.onLink(mac), nil, 0), (.onLink(mac), 3, 0), (.onLinkWithoutMAC, 3, 0), (.routed, nil, 1),
      (.routed, 0, 0), (.routed, 63, 63), (.unresolved, nil, 0), (.unknown, 3, 0),
    ] as [(NeighbourTable.Way, Int?, Int)])
  func routers(way: NeighbourTable.Way, setting: Int?, routers: Int) {
    let links = GuestLinks(routers: setting, logger: Logger(label: "test"))
    let facts = links.facts(way)
    #expect(facts.routers == routers)
    #expect(facts.mac == (way == .onLink(Self.mac) ? Self.mac : nil))
    #expect(facts.isMACUnresolved == (way == .unresolved))
  }

  static let mac = MACAddress(bits: 0xFA16_3E00_0005)
}

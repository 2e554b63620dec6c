import Foundation
import Inventory
import SystemPackage
import Testing

@testable import HostNetwork

@Suite("A local redirect", .enabled(if: isRoot, "network namespaces need root"))
struct RedirectLocalTests {
  /// The host is the road's router; its own provider is the road's cloud.
  func redirect(_ road: RedirectRoad, devices: [String] = ["br0"]) throws -> Redirect {
    Redirect(
      plan: RedirectPlan(.local(try LocalRedirect(devices: devices))),
      tools: road.network.tools("router"), record: road.network.record)
  }

  static let addresses = ["169.254.169.254", "fd00:ec2::254", "fe80::a9fe:a9fe"]

  func serve(_ road: RedirectRoad) throws {
    for address in Self.addresses {
      try road.network.serve("router", "ours", at: address, port: 80, device: "br0")
    }
  }

  /// What a guest on the link and the host itself get at each of the addresses.
  func answers(_ road: RedirectRoad) throws -> [String] {
    let urls = [
      ("guest", RedirectRoad.url), ("guest", RedirectRoad.url6),
      ("guest", "http://[fe80::a9fe:a9fe%25eth0]/"), ("router", RedirectRoad.url),
      ("router", RedirectRoad.url6), ("router", "http://[fe80::a9fe:a9fe%25up0]/"),
    ]
    return try urls.map { name, url in
      let output = try road.network.curl(name, url).output
      return output.contains("fe80") ? String(output.prefix(while: { $0 != " " })) : output
    }
  }

  static let expected = [
    "ours 10.20.0.5", "ours fd20::5", "ours", "cloud 192.0.2.2", "cloud fd40::2", "cloud",
  ]

  @Test("a guest reaches us at all addresses, and the host still reaches its own provider")
  func bothSides() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.settle()
    let before = try road.snapshot()
    let redirect = try redirect(road)
    #expect(try await redirect.check().drift.count > 5)
    #expect(try road.snapshot() == before)
    _ = try await redirect.install()
    try serve(road)
    let got = try answers(road)
    #expect(got == Self.expected)
    #expect(try await redirect.install() == .unchanged)
    #expect(try await redirect.check().drift == [])
    // A guest on the link asks for the address itself, without a router.
    try road.network.sh("guest", "ip route add 169.254.169.254 dev eth0")
    let onLink = try answers(road)
    #expect(onLink == Self.expected)
    try await redirect.remove()
    #expect(try road.snapshot() == before)
  }

  @Test("whichever step is the last, the host keeps its provider and installing completes")
  func everyStep() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.settle()
    let before = try road.snapshot()
    let redirect = try redirect(road)
    let lines = try await redirect.steps().flatMap { step in
      step.input.split(separator: "\n").map { "ip \(step.arguments[0]) \($0)" }
    }
    #expect(lines.count == 7)
    for count in 1...lines.count {
      // Which is written before the first step.
      var record = RedirectRecord(shape: .local)
      record.devices = ["br0"]
      try record.write(FilePath(road.network.record))
      for line in lines[..<count] {
        try road.network.sh("router", line)
      }
      let host = try [RedirectRoad.url, RedirectRoad.url6].map {
        try road.network.curl("router", $0).output
      }
      #expect(host == ["cloud 192.0.2.2", "cloud fd40::2"], "after \(lines[count - 1])")
      _ = try await redirect.install()
      #expect(try await redirect.check().drift == [], "after \(lines[count - 1])")
      if count == lines.count {
        try serve(road)
        let got = try answers(road)
        #expect(got == Self.expected)
      }
      try await redirect.remove()
      #expect(try road.snapshot() == before, "after \(lines[count - 1])")
    }
  }

  @Test("what is taken away by hand is named and brought back")
  func drift() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    let redirect = try redirect(road)
    _ = try await redirect.install()
    for (command, drift) in [
      (
        "ip addr del 169.254.169.254/32 dev br0",
        "the address 169.254.169.254/32 of br0 is missing"
      ),
      (
        "ip rule del pref 5 iif br0 to 169.254.169.254",
        "the rule 'iif br0 to 169.254.169.254 lookup 16925' is missing"
      ),
      (
        "ip route flush table 16925",
        "the route 'local 169.254.169.254 dev lo' in table 16925 is missing"
      ),
      (
        "ip route del throw 169.254.169.254 table local",
        "the route 'throw 169.254.169.254' first in table local is missing"
      ),
      (
        "ip -6 addr del fe80::a9fe:a9fe/64 dev br0",
        "the address fe80::a9fe:a9fe/64 of br0 is missing"
      ),
    ] {
      try road.network.sh("router", command)
      #expect(try await redirect.install() == .installed([drift]))
      #expect(try await redirect.install() == .unchanged)
    }
    try serve(road)
    let got = try answers(road)
    #expect(got == Self.expected)
  }

  @Test("a device that is not there is named; an address that was there before stays")
  func before() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.sh("router", "ip addr add 169.254.169.254/32 dev br0 scope link")
    try road.settle()
    let before = try road.snapshot()
    let redirect = try redirect(road)
    _ = try await redirect.install()
    try await redirect.remove()
    #expect(try road.snapshot() == before)
    let other = try self.redirect(road, devices: ["np-none"])
    #expect(try await other.check().drift.first == "there is no interface np-none")
    await #expect(throws: RedirectError.missingDevice("np-none")) { try await other.install() }
    try await other.remove()
    #expect(try road.snapshot() == before)
  }

  @Test("where a device has no IPv6, that is left out and noted")
  func withoutIPv6() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.sh("router", "echo 1 >/proc/sys/net/ipv6/conf/br0/disable_ipv6")
    let redirect = try redirect(road)
    _ = try await redirect.install()
    let report = try await redirect.check()
    #expect(report.isInPlace)
    #expect(report.notes == ["br0 has no IPv6: its IPv6 metadata addresses are left out"])
    try road.network.serve("router", "ours", at: "169.254.169.254", port: 80, device: "br0")
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
  }
}

import Foundation
import TestKit
import Testing

/// A guest, its router, and the host of the daemon on a network of its own behind the router.
struct RoutedNetwork {
  let guest: String
  let router: String
  let host: String

  init() async throws {
    let suffix = String(UUID().uuidString.prefix(6)).lowercased()
    guest = "np-g\(suffix)"
    router = "np-r\(suffix)"
    host = "np-h\(suffix)"
    do {
      try await make(suffix)
    } catch {
      remove()
      throw error
    }
  }

  private func make(_ suffix: String) async throws {
    for namespace in [guest, router, host] {
      try await Program.tool("ip", "netns", "add", namespace)
    }
    try await link(guest, "eth0", "10.20.0.5/24", router, "g\(suffix)", "10.20.0.1/24")
    try await link(host, "eth0", "10.30.0.4/24", router, "h\(suffix)", "10.30.0.1/24")
    try await Program.tool("ip", "-n", guest, "route", "add", "default", "via", "10.20.0.1")
    try await Program.tool("ip", "-n", host, "route", "add", "10.20.0.0/24", "via", "10.30.0.1")
    try await inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
  }

  private func link(
    _ left: String, _ leftDevice: String, _ leftAddress: String, _ right: String,
    _ rightDevice: String, _ rightAddress: String
  ) async throws {
    try await Program.tool(
      "ip", "link", "add", rightDevice, "netns", right, "type", "veth", "peer", "name", leftDevice,
      "netns", left)
    for (namespace, device, address) in [
      (left, leftDevice, leftAddress), (right, rightDevice, rightAddress),
    ] {
      try await Program.tool("ip", "-n", namespace, "link", "set", "lo", "up")
      try await Program.tool("ip", "-n", namespace, "address", "add", address, "dev", device)
      try await Program.tool("ip", "-n", namespace, "link", "set", device, "up")
    }
  }

  @discardableResult
  func inside(_ namespace: String, _ words: String..., input: String? = nil) async throws
    -> Program.Output
  {
    let output = try await Program.run(
      "/usr/bin/env", ["ip", "netns", "exec", namespace] + words, input: input)
    guard output.status == 0 else {
      throw Program.Failed(text: "\(words): \(output.status) \(output.error)")
    }
    return output
  }

  func asGuest(_ words: [String]) async throws -> Program.Output {
    try await Program.run("/usr/bin/env", ["ip", "netns", "exec", guest] + words)
  }

  func remove() {
    for namespace in [guest, router, host] {
      _ = try? ChildProcess.runHere(["ip", "netns", "del", namespace])
    }
  }
}

@Suite("A source address that was NATed away", .enabled(if: isRoot, "namespaces need root"))
struct TranslatedSourceTests {
  static let rules = """
    table ip np {
      chain pre {
        type nat hook prerouting priority -100
        ip daddr 169.254.169.254 tcp dport 80 dnat to 10.30.0.4:8775
      }
      chain post {
        type nat hook postrouting priority 100
        ip saddr 10.20.0.0/24 masquerade
      }
    }
    """
  static let manifest = GuestNetworkTests.manifest
  static let base = "http://169.254.169.254"

  @Test(
    "the log, a counter and the list of strangers name the router that a request came from",
    arguments: [
      ("", "a router that this host sends by"),
      (
        "\n---\nkind: Network\nid: management\n"
          + "subnets: [{cidr: 10.30.0.0/24, gateway: 10.30.0.1}]\n", "the gateway of management"
      ),
    ])
  func masqueraded(more: String, role: String) async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest + more, options: ["--unknown-guest-hold-seconds", "0"])
    defer { daemon.stop() }
    try await network.inside(network.router, "nft", "-f", "-", input: Self.rules)
    let status = try await network.inside(
      network.guest, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
      "\(Self.base)/latest/meta-data/hostname")
    #expect(status.out == "404")
    let line = "request from 10.30.0.1 (\(role)): the fixed IP was NATed away"
    #expect(await daemon.log(until: line).contains(line))
    #expect(try await daemon.command("status").out.contains("refusals.translated-address  1"))
    let probe = try await network.inside(
      network.guest, "curl", "-s",
      "\(Self.base)/nameplate/probe/\(String(repeating: "a", count: 32))")
    #expect(probe.out.contains(#""source": "10.30.0.1""#))
  }

  @Test("without source NAT the guest is known, and a probe shows its own address")
  func untouched() async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest)
    defer { daemon.stop() }
    let rules = Self.rules.replacing("ip saddr 10.20.0.0/24 masquerade", with: "")
    try await network.inside(network.router, "nft", "-f", "-", input: rules)
    let hostname = try await network.inside(
      network.guest, "curl", "-sf", "\(Self.base)/latest/meta-data/hostname")
    #expect(hostname.out == "guest-5")
    let probe = try await network.inside(
      network.guest, "curl", "-s",
      "\(Self.base)/nameplate/probe/\(String(repeating: "b", count: 32))")
    #expect(probe.out.contains(#""source": "10.20.0.5""#))
  }
}

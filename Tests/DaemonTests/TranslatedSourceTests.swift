import Foundation
import Testing

/// A guest, its router, and the host of the daemon on a network of its own behind the router.
struct RoutedNetwork {
  let guest: String
  let router: String
  let host: String

  init() throws {
    let suffix = String(UUID().uuidString.prefix(6)).lowercased()
    guest = "np-g\(suffix)"
    router = "np-r\(suffix)"
    host = "np-h\(suffix)"
    do {
      try make(suffix)
    } catch {
      remove()
      throw error
    }
  }

  private func make(_ suffix: String) throws {
    for namespace in [guest, router, host] { try Program.tool("ip", "netns", "add", namespace) }
    try link(guest, "eth0", "10.20.0.5/24", router, "g\(suffix)", "10.20.0.1/24")
    try link(host, "eth0", "10.30.0.4/24", router, "h\(suffix)", "10.30.0.1/24")
    try Program.tool("ip", "-n", guest, "route", "add", "default", "via", "10.20.0.1")
    try Program.tool("ip", "-n", host, "route", "add", "10.20.0.0/24", "via", "10.30.0.1")
    try inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
  }

  private func link(
    _ left: String, _ leftDevice: String, _ leftAddress: String, _ right: String,
    _ rightDevice: String, _ rightAddress: String
  ) throws {
    try Program.tool(
      "ip", "link", "add", rightDevice, "netns", right, "type", "veth", "peer", "name", leftDevice,
      "netns", left)
    for (namespace, device, address) in [
      (left, leftDevice, leftAddress), (right, rightDevice, rightAddress),
    ] {
      try Program.tool("ip", "-n", namespace, "link", "set", "lo", "up")
      try Program.tool("ip", "-n", namespace, "address", "add", address, "dev", device)
      try Program.tool("ip", "-n", namespace, "link", "set", device, "up")
    }
  }

  @discardableResult
  func inside(_ namespace: String, _ words: String..., input: String? = nil) throws
    -> Program.Output
  {
    let output = try Program.run(
      "/usr/bin/env", ["ip", "netns", "exec", namespace] + words, input: input)
    guard output.status == 0 else {
      throw Program.Failed(text: "\(words): \(output.status) \(output.error)")
    }
    return output
  }

  func asGuest(_ words: [String]) throws -> Program.Output {
    try Program.run("/usr/bin/env", ["ip", "netns", "exec", guest] + words)
  }

  func remove() {
    for namespace in [guest, router, host] {
      _ = try? Program.run("/usr/bin/env", ["ip", "netns", "del", namespace])
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
  func masqueraded(more: String, role: String) throws {
    let network = try RoutedNetwork()
    defer { network.remove() }
    let daemon = try DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest + more, options: ["--unknown-guest-hold-seconds", "0"])
    defer { daemon.stop() }
    try network.inside(network.router, "nft", "-f", "-", input: Self.rules)
    let status = try network.inside(
      network.guest, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
      "\(Self.base)/latest/meta-data/hostname")
    #expect(status.out == "404")
    let line = "request from 10.30.0.1 (\(role)): the fixed IP was NATed away"
    #expect(daemon.log(until: line).contains(line))
    #expect(try daemon.command("status").out.contains("refusals.translated-address  1"))
    let probe = try network.inside(
      network.guest, "curl", "-s",
      "\(Self.base)/nameplate/probe/\(String(repeating: "a", count: 32))")
    #expect(probe.out.contains(#""source": "10.30.0.1""#))
  }

  @Test("without source NAT the guest is known, and a probe shows its own address")
  func untouched() throws {
    let network = try RoutedNetwork()
    defer { network.remove() }
    let daemon = try DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest)
    defer { daemon.stop() }
    let rules = Self.rules.replacing("ip saddr 10.20.0.0/24 masquerade", with: "")
    try network.inside(network.router, "nft", "-f", "-", input: rules)
    let hostname = try network.inside(
      network.guest, "curl", "-sf", "\(Self.base)/latest/meta-data/hostname")
    #expect(hostname.out == "guest-5")
    let probe = try network.inside(
      network.guest, "curl", "-s",
      "\(Self.base)/nameplate/probe/\(String(repeating: "b", count: 32))")
    #expect(probe.out.contains(#""source": "10.20.0.5""#))
  }
}

import Foundation
import TestKit
import Testing

@Suite("The redirect, run as an operator runs it", .enabled(if: isRoot, "namespaces need root"))
struct RedirectTests {
  static let masquerade = """
    table ip other {
      chain post {
        type nat hook postrouting priority 100
        ip saddr 10.20.0.0/24 masquerade
      }
    }
    """
  static let hostname = "http://169.254.169.254/latest/meta-data/hostname"

  private func redirect(_ network: RoutedNetwork, _ folder: String, _ words: String...) async throws
    -> Program.Output
  {
    try await Program.run(
      ["redirect"] + words + [
        "--netns", network.router, "--metadata-host", "10.30.0.4", "--state-directory", folder,
      ])
  }

  @Test(
    "installed beside a masquerade rule it brings the guest by its fixed IP; removed it is gone")
  func installAndRemove() async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: GuestNetworkTests.manifest)
    defer { daemon.stop() }
    try await network.inside(network.router, "nft", "-f", "-", input: Self.masquerade)
    let before = try await network.inside(network.router, "nft", "list", "ruleset").out
    let missing = try await redirect(network, daemon.folder, "check")
    #expect(missing.status == 1)
    #expect(missing.out.contains("the table inet nameplate is missing"))
    let dry = try await redirect(network, daemon.folder, "install", "--dry-run")
    #expect(dry.out == (try await redirect(network, daemon.folder, "show")).out)
    #expect(try await network.inside(network.router, "nft", "list", "ruleset").out == before)

    #expect(try await redirect(network, daemon.folder, "install").status == 0)
    let answer = try await network.inside(
      network.guest, "curl", "-sf", "--max-time", "10", Self.hostname)
    #expect(answer.out == "guest-5")
    let again = try await redirect(network, daemon.folder, "install")
    #expect(again.out == "in place already\n")
    let report = try await redirect(network, daemon.folder, "check", "--output", "json")
    #expect(report.status == 0)
    #expect(report.out.contains(#""inPlace": true"#))
    #expect(report.out.contains(#""connections": 1"#))

    #expect(try await redirect(network, daemon.folder, "remove").status == 0)
    #expect(try await network.inside(network.router, "nft", "list", "ruleset").out == before)
  }

  @Test("serve --manage-redirect repairs what is taken away, and leaves it when it stops")
  func managed() async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.router], listen: "0.0.0.0", port: 8775,
      manifest: GuestNetworkTests.manifest,
      options: ["--manage-redirect", "--metadata-host", "10.20.0.1"])
    defer { daemon.stop() }
    // The daemon shares the guest's link, so that the MAC must be the declared one.
    try await network.inside(
      network.guest, "ip", "link", "set", "eth0", "address", "fa:16:3e:00:00:05")
    let ask = ["curl", "-sf", "--max-time", "10", Self.hostname]
    #expect(try await network.asGuest(ask).out == "guest-5")
    try await network.inside(network.router, "nft", "delete", "table", "inet", "nameplate")
    let repaired = "the redirect was changed and is repaired"
    #expect(await daemon.log(until: repaired).contains("the table inet nameplate is missing"))
    #expect(try await network.asGuest(ask).out == "guest-5")
    daemon.signal(SIGTERM)
    await daemon.ended()
    // Refused by a reset, at once: 7 is curl's "couldn't connect", 28 would be its time-out.
    #expect(try await network.asGuest(ask).status == 7)
  }

  @Test("with a local redirect a guest on the link is answered at all three addresses, without NAT")
  func local() async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let device = String(network.router.replacing("np-r", with: "g"))
    let listeners = ["169.254.169.254", "fe80::a9fe:a9fe", "fd00:ec2::254"].map {
      "{address: '\($0)', port: 80, device: \(device), network: net-a}"
    }
    // The host is a guest itself: somebody else answers it at the same address.
    try await network.inside(
      network.host, "ip", "address", "add", "169.254.169.254/32", "dev", "lo")
    try await network.inside(
      network.router, "ip", "route", "add", "169.254.169.254", "via", "10.30.0.4")
    try await network.inside(
      network.router, "ip", "address", "add", "fd20::1/64", "dev", device, "nodad")
    try await network.inside(
      network.guest, "sh", "-c",
      """
      ip link set eth0 down
      ip link set eth0 address fa:16:3e:00:00:05
      echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
      ip link set eth0 up
      ip address add fd20::5/64 dev eth0 nodad
      ip route replace default via 10.20.0.1
      ip -6 route add default via fe80::a9fe:a9fe dev eth0
      """)
    let provider = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "169.254.169.254", port: 80,
      manifest: "kind: Instance\nhostname: of-the-provider\ninterfaces:\n- address: 10.30.0.1\n")
    defer { provider.stop() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.router], port: 8775,
      manifest: GuestNetworkTests.manifest.replacing(
        "address: 10.20.0.5", with: "addresses: [{ip: 10.20.0.5}, {ip: 'fd20::5'}]"),
      options: [
        "--manage-redirect", "--redirect-shape", "local", "--listeners",
        "[\(listeners.joined(separator: ", "))]",
      ])
    defer { daemon.stop() }
    for host in ["169.254.169.254", "[fe80::a9fe:a9fe%25eth0]", "[fd00:ec2::254]"] {
      let answer = try await network.asGuest([
        "curl", "-sfg", "--max-time", "10", "http://\(host)/latest/meta-data/hostname",
      ])
      #expect(answer.out == "guest-5", "\(host): \(answer.status)")
    }
    let own = try await network.inside(
      network.router, "curl", "-s", "--max-time", "10", Self.hostname)
    #expect(own.out == "of-the-provider")
    daemon.signal(SIGTERM)
    await daemon.ended()
    let refused = try await network.asGuest(["curl", "-s", "--max-time", "10", Self.hostname])
    #expect(refused.status == 7)
  }

  @Test(
    "killed at any moment, an installation does no harm, completes when repeated, and goes whole",
    arguments: ["nftables", "iptables-nft", "iptables-legacy"])
  func killed(backend: String) async throws {
    let network = try await RoutedNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
      manifest: GuestNetworkTests.manifest)
    defer { daemon.stop() }
    let words = [
      "--netns", network.router, "--metadata-host", "10.30.0.4", "--state-directory",
      daemon.folder, "--redirect-backend", backend,
    ]
    // The kernel keeps legacy tables once they were looked at.
    let rules = """
      for table in nat filter; do iptables-legacy -t $table -S >/dev/null; done
      nft list ruleset; iptables-legacy-save | grep -v '^#' | sed 's/ \\[.*//'
      """
    let before = try await network.inside(network.router, "sh", "-c", rules).out
    for milliseconds in stride(from: 20, through: 240, by: 20) {
      _ = try await Program.run(
        "/usr/bin/env",
        ["timeout", "-s", "KILL", "0.\(String(1000 + milliseconds).dropFirst())", Program.path]
          + ["redirect", "install"] + words)
      let half = try await network.asGuest(["curl", "-sf", "--max-time", "10", Self.hostname])
      #expect(half.out == "guest-5" || half.status == 7, "after \(milliseconds) ms: \(half)")
      let whole = try await Program.run(["redirect", "install"] + words)
      #expect(whole.status == 0, "\(whole.error)")
      let answer = try await network.asGuest(["curl", "-sf", "--max-time", "10", Self.hostname])
      #expect(answer.out == "guest-5", "after \(milliseconds) ms: \(answer.status)")
      let removed = try await Program.run(["redirect", "remove"] + words)
      #expect(removed.status == 0, "\(removed.error)")
      #expect(try await network.inside(network.router, "sh", "-c", rules).out == before)
    }
  }

  @Test("a daemon that cannot install its redirect does not start, and says what to set")
  func refused() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let output = try await Program.run([
      "serve", "--manage-redirect", "--state-directory", folder, "--control-socket",
      "\(folder)/c.sock", "--metadata-port", "1",
    ])
    #expect(output.status == 1)
    #expect(output.error.contains("metadata_host: is missing"))
  }
}

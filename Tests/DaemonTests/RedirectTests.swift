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

import Foundation
import TestKit
import Testing

@Suite("The doctor beside a real daemon", .enabled(if: isRoot, "namespaces need root"))
struct DoctorTests {
  /// A guest, its router with the redirect, and the daemon behind it. The commands run here, where
  /// the daemon's socket is.
  private struct Road {
    let network: RoutedNetwork
    let daemon: DaemonProcess

    init(installs: Bool = true) async throws {
      network = try await RoutedNetwork()
      do {
        daemon = try await DaemonProcess(
          prefix: ["ip", "netns", "exec", network.host], listen: "0.0.0.0", port: 8775,
          manifest: GuestNetworkTests.manifest)
        if installs {
          _ = try await Program.run(
            ["redirect", "install", "--netns", network.router, "--metadata-host", "10.30.0.4"]
              + ["--state-directory", daemon.folder])
        }
      } catch {
        network.remove()
        throw error
      }
    }

    func remove() {
      daemon.stop()
      network.remove()
    }

    /// The links that the doctor calls broken, and all that it printed.
    func examine(_ more: String...) async throws -> (broken: [String], output: Program.Output) {
      let output = try await Program.run(
        [
          "doctor", "--netns", network.router, "--from", network.guest, "--metadata-host",
          "10.30.0.4", "--state-directory", daemon.folder, "--socket", daemon.socket, "--output",
          "json",
        ] + more)
      let json = try JSONSerialization.jsonObject(with: Data(output.out.utf8)) as? [String: Any]
      let findings = json?["findings"] as? [[String: Any]] ?? []
      let broken = findings.filter { $0["status"] as? String == "failed" }
      return (broken.compactMap { $0["id"] as? String }, output)
    }
  }

  @Test("a road that is whole has no broken link, each that can be looked at is found well")
  func whole() async throws {
    let road = try await Road()
    defer { road.remove() }
    try await road.network.inside(
      road.network.router, "nft", "-f", "-", input: RedirectTests.masquerade)
    let (broken, output) = try await road.examine()
    #expect(broken == [], "\(output.out)")
    #expect(output.status == 0)
    #expect(!output.out.contains(#""status": "warning""#), "\(output.out)")
    #expect(output.out.contains("the guest arrives as 10.20.0.5"))
    #expect(output.out.contains("guest-5"))
  }

  @Test("without the exemption it names the masquerade rule, and no other link")
  func sourceNAT() async throws {
    let road = try await Road()
    defer { road.remove() }
    try await road.network.inside(
      road.network.router, "nft", "flush", "chain", "inet", "nameplate", "postrouting")
    try await road.network.inside(
      road.network.router, "nft", "-f", "-", input: RedirectTests.masquerade)
    let (broken, output) = try await road.examine()
    #expect(broken == ["source-nat"], "\(output.out)")
    #expect(output.status == 1)
    #expect(output.out.contains("ip saddr 10.20.0.0/24 masquerade"))
    #expect(output.out.contains("10.20.0.5 arrived as 10.30.0.1"))
  }

  @Test("a stopped daemon, a missing redirect and an undeclared guest are each named alone")
  func others() async throws {
    let road = try await Road(installs: false)
    defer { road.remove() }
    #expect(try await road.examine().broken == ["redirect"])
    _ = try await Program.run(
      ["redirect", "install", "--netns", road.network.router, "--metadata-host", "10.30.0.4"]
        + ["--state-directory", road.daemon.folder])
    _ = try await road.daemon.command(
      "delete", "instance", "11111111-2222-4333-8444-555555555555")
    #expect(try await road.examine().broken == ["declared"])
    road.daemon.signal(SIGTERM)
    await road.daemon.ended()
    #expect(try await road.examine().broken == ["listener"])
  }

  @Test("the table has a mark, the evidence and the remedy of each link")
  func table() async throws {
    let output = try await Program.run([
      "doctor", "--metadata-host", "127.0.0.1", "--socket", "/none",
    ])
    #expect(output.status == 1)
    #expect(output.out.contains("✗ metadata-host "))
    #expect(output.out.contains("127.0.0.1 is a loopback address"))
    #expect(output.out.contains("→ set metadata_host in the configuration"))
    #expect(output.out.contains("Broken: metadata-host"))
  }
}

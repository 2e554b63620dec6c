import TestKit
import Testing

@Suite("The Host of guests' requests")
struct HostCheckTests {
  /// Asks as a page does whose name has been made to resolve to us.
  private func rebound(_ daemon: DaemonProcess, _ name: String) async throws -> String {
    try await Program.tool(
      "curl", "-s", "--max-time", "10", "-w", "%{http_code}", "--resolve",
      "\(name):\(daemon.port):127.0.0.1", "http://\(name):\(daemon.port)/latest/meta-data/hostname")
  }

  @Test("a name that was rebound to us reads nothing where the rule is enforced")
  func enforced() async throws {
    let daemon = try await DaemonProcess(
      manifest: DaemonTests.manifest,
      options: ["--host-check", "enforce", "--metadata-names", "[metadata.example.internal]"])
    defer { daemon.stop() }
    #expect(try await rebound(daemon, "evil.example") == "421 Misdirected Request\n421")
    #expect(try await rebound(daemon, "metadata.example.internal") == "demo200")
    #expect(try await rebound(daemon, "metadata.google.internal") == "demo200")
    #expect(try await daemon.curl("/latest/meta-data/hostname") == "demo")
    let log = await daemon.log(until: "none of ours")
    #expect(log.contains("reason=foreign-host"), "\(log)")
  }

  @Test("by default a foreign name is answered, counted and logged")
  func audited() async throws {
    let daemon = try await DaemonProcess(manifest: DaemonTests.manifest)
    defer { daemon.stop() }
    #expect(try await rebound(daemon, "evil.example") == "demo200")
    let log = await daemon.log(until: "would be refused")
    #expect(log.contains("evil.example"), "\(log)")
    let status = try await daemon.command("status", "--output", "json").out
    #expect(status.contains(#""audit.foreign-host": 1"#), "\(status)")
  }
}

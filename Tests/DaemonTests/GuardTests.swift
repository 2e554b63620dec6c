import Foundation
import TestKit
import Testing

@Suite("Guarded ports beside a real daemon", .enabled(if: isRoot, "namespaces need root"))
struct GuardTests {
  @Test("with its port guarded by what the daemon knows, a guest cannot take another's address")
  func guarded() async throws {
    let link = try await SharedLink()
    defer { link.remove() }
    // Not even where the MAC is not compared.
    let daemon = try await link.daemon(inside: true, check: "off")
    defer { daemon.stop() }
    let before = try await link.shell("ip netns exec \(link.host) nft list ruleset")
    let port = ["--device", "tap6", "--netns", link.host]
    let owner = ["--instance", "11111111-2222-4333-8444-666666666666", "--socket", daemon.socket]
    let dry = try await Program.run(["redirect", "guard", "install", "--dry-run"] + port + owner)
    let shown = try await Program.run(
      ["redirect", "guard", "show", "--mac", SharedLink.evilMAC] + port
        + ["--address", "10.20.0.6", "--address", "fd20::6"])
    #expect(dry.out == shown.out)
    #expect(dry.out.contains("ip saddr 10.20.0.6 accept"))
    let missing = try await Program.run(["redirect", "guard", "check"] + port + owner)
    #expect(missing.status == 1)
    #expect(missing.out.contains("the table netdev nameplate-tap6 is missing"))
    #expect(try await Program.run(["redirect", "guard", "install"] + port + owner).status == 0)
    #expect(
      try await Program.run(["redirect", "guard", "install"] + port + owner).out
        .contains("in place already"))
    for (_, service) in TupleIdentityTests.ways {
      #expect(try await link.ask(link.evil, service) == "evil 200", "\(service)")
    }
    try await link.shell("ip -n \(link.honest) link set eth0 down")
    try await link.take("10.20.0.5")
    let stolen = try await link.shell(
      "ip netns exec \(link.evil) curl -s --connect-timeout 2 http://\(SharedLink.service)/ || true"
    )
    #expect(stolen == "")
    let check = try await Program.run(["redirect", "guard", "check"] + port + owner)
    #expect(check.status == 0)
    #expect(check.out.contains("✓ in place"))
    #expect(check.out.contains("dropped, ARP sender: "), "\(check.out)")
    #expect(
      try await Program.run(["redirect", "guard", "remove"] + port).out.contains("removed"))
    #expect(try await link.shell("ip netns exec \(link.host) nft list ruleset") == before)
    // Anew, as the guest's kernel has not given up on its neighbour yet.
    try await link.take("10.20.0.5")
    #expect(try await link.ask(link.evil) == "honest 200")
  }

  @Test(
    "whose port it is must be said, once",
    arguments: [
      [], ["--mac", "fa:16:3e:00:00:06", "--instance", "11111111-2222-4333-8444-666666666666"],
      ["--mac", "nonsense"], ["--mac", "fa:16:3e:00:00:06", "--address", "nonsense"],
      ["--mac", "fa:16:3e:00:00:06", "--network", "net-a"],
    ])
  func options(words: [String]) async throws {
    let output = try await Program.run(["redirect", "guard", "show", "--device", "tap6"] + words)
    #expect(output.status == 2, "\(output.error)")
    #expect(output.out == "")
  }
}

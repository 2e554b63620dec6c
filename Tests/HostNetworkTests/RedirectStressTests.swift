import Foundation
import Inventory
import Testing

@testable import HostNetwork

@Suite("A redirect that is disturbed", .enabled(if: isRoot, "network namespaces need root"))
struct RedirectStressTests {
  @Test(
    "a hundred times installed and removed, 34 by each backend, under traffic: no wrong address",
    arguments: RedirectRoad.backends)
  func underTraffic(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    try road.masquerade(backend)
    if backend == .iptablesLegacy { try road.network.sh("router", "iptables-legacy -t filter -L") }
    let redirect = try road.redirect(backend, host6: nil)
    _ = try await redirect.install()
    try await redirect.remove()
    let before = try road.snapshot()
    let file = "/tmp/np-\(road.network.suffix)-answers"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try road.network.start(
      "guest",
      """
      while true; do
        a=$(curl -s --max-time 20 \(RedirectRoad.url)); echo "$? $a"; sleep 0.03
      done >\(file)
      """)
    for _ in 0..<34 {
      _ = try await redirect.install()
      try await redirect.remove()
    }
    #expect(try road.snapshot() == before)
    _ = try await redirect.install()
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
    let answers = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    #expect(answers.contains("0 ours 10.20.0.5"))
    #expect(answers.contains("0 cloud 192.0.2.2"))
    let wrong = answers.filter { answer in
      !["0 ours 10.20.0.5", "0 cloud 192.0.2.2"].contains(answer)
        // Refused or reset while the rules change.
        && !["7 ", "52 ", "56 "].contains { answer.hasPrefix($0) }
    }
    #expect(wrong == [])
  }

  @Test(
    "wherever installing stops, a guest gets no wrong answer, and installing again completes",
    arguments: RedirectRoad.backends)
  func everyTransaction(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    try road.masquerade(backend)
    let redirect = try road.redirect(backend)
    let installing = try await transactions(redirect.steps())
    _ = try await redirect.install()
    let removing = try await transactions(
      backend == .nftables
        ? NftablesRouter.removal(road.network.tools("router"))
        : IptablesRouter.removal(
          prefix: "nameplate", isLegacy: backend == .iptablesLegacy, isOurs: true,
          tools: road.network.tools("router")))
    try await redirect.remove()
    #expect(installing.count == (backend == .nftables ? 1 : 4))
    #expect(removing.count == (backend == .nftables ? 2 : 6))
    for (steps, isInstalled) in [(installing, false), (removing, true)] {
      for count in 0...steps.count {
        if isInstalled { _ = try await redirect.install() }
        try await road.network.tools("router").perform(Array(steps[..<count]))
        let answer = try road.network.curl("guest", RedirectRoad.url)
        let isRight =
          answer.output == "ours 10.20.0.5" || answer.output == "cloud 192.0.2.2"
          || answer.status == 7
        #expect(isRight, "\(count): \(answer)")
        _ = try await redirect.install()
        #expect(try await redirect.check().drift == [])
        #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
        try await redirect.remove()
        #expect(!(try road.snapshot().contains("nameplate")))
      }
    }
  }

  /// Each table's part of a step is a transaction of its own.
  private func transactions(_ steps: [RedirectStep]) -> [RedirectStep] {
    steps.flatMap { step -> [RedirectStep] in
      guard step.tool != "nft" else { return [step] }
      return step.input.components(separatedBy: "COMMIT\n").filter { !$0.isEmpty }.map {
        RedirectStep(tool: step.tool, arguments: step.arguments, input: $0 + "COMMIT\n")
      }
    }
  }

  @Test("the shown text is what is applied", arguments: RedirectRoad.backends)
  func shownText(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.masquerade(backend)
    let redirect = try road.redirect(backend)
    let text = try await redirect.text()
    var script = ""
    for part in text.components(separatedBy: "# ").dropFirst() {
      let lines = part.split(separator: "\n", maxSplits: 1)
      script += "\(lines[0]) <<'END'\n\(lines[1])END\n"
    }
    try road.network.sh("router", script)
    #expect(try await redirect.check().drift == [])
    #expect(try await redirect.install() == .unchanged)
  }

  @Test("a chain of our name with somebody else's rules is refused, and left alone")
  func foreignChain() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.sh(
      "router",
      """
      iptables-nft -t nat -N nova-network-PREROUTING
      iptables-nft -t nat -A PREROUTING -j nova-network-PREROUTING
      iptables-nft -t nat -A nova-network-PREROUTING -d 192.0.2.9 -j DNAT --to-destination 10.20.0.5
      """)
    try road.settle()
    let before = try road.snapshot()
    let redirect = try road.redirect(.iptablesNft, prefix: "nova-network")
    let error = await #expect(throws: RedirectError.self) { try await redirect.install() }
    #expect(
      error?.description
        == "the chain nova-network-PREROUTING is there already with a rule that is not ours "
        + "('-d 192.0.2.9/32 -j DNAT --to-destination 10.20.0.5'); choose another chain_prefix")
    try await redirect.remove()
    #expect(try road.snapshot() == before)
  }

  @Test("another backend or prefix replaces the one before; they are never mixed")
  func otherPlan() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.settle()
    let before = try road.snapshot()
    for (backend, prefix) in [
      (RedirectPlan.Backend.iptablesNft, "nova-network"), (.iptablesNft, "nameplate"),
      (.nftables, "nameplate"), (.auto, "nameplate"),
    ] {
      let redirect = try road.redirect(backend, prefix: prefix)
      _ = try await redirect.install()
      #expect(try await redirect.check().drift == [])
      let snapshot = try road.snapshot()
      #expect(snapshot.contains("nova-network-") == (prefix == "nova-network"))
      #expect(snapshot.contains("table inet nameplate") == (backend != .iptablesNft))
    }
    try await road.redirect().remove()
    #expect(try road.snapshot() == before)
  }
}

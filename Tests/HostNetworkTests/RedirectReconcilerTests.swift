import Inventory
import Synchronization
import Testing

@testable import HostNetwork

@Suite("The redirect's reconciler")
struct RedirectReconcilerTests {
  /// Runs a reconciler whose sleep does the next thing by hand; ends when there is none.
  func events(_ redirect: Redirect, _ acts: [@Sendable () throws -> Void]) async
    -> [RedirectReconciler.Event]
  {
    let rest = Mutex(acts[...])
    let events = Mutex<[RedirectReconciler.Event]>([])
    let reconciler = RedirectReconciler(redirect) { _ in
      guard let act = rest.withLock({ $0.popFirst() }) else { throw CancellationError() }
      try act()
    }
    await reconciler.run { event in events.withLock { $0.append(event) } }
    return events.withLock { $0 }
  }

  @Test(
    "drift by hand is repaired at the next look, and named", .enabled(if: isRoot),
    arguments: RedirectRoad.backends)
  func drift(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    try road.masquerade(backend)
    let redirect = try road.redirect(backend, host6: nil)
    _ = try await redirect.install()
    let tool = backend == .iptablesNft ? "iptables-nft -w" : "iptables-legacy -w"
    let cases: [(command: String, word: String)] =
      backend == .nftables
      ? [
        ("nft delete table inet nameplate", "the table inet nameplate is missing"),
        ("nft flush ruleset", "the table inet nameplate is missing"),
        (
          "nft flush chain inet nameplate prerouting",
          "the chain prerouting of table inet nameplate has no rules"
        ),
        (
          "nft add rule inet nameplate forward accept",
          "the rule 'accept' in chain forward of table inet nameplate is not ours"
        ),
        (
          "nft add chain inet nameplate other",
          "the chain other of table inet nameplate is not ours"
        ),
      ]
      : [
        ("\(tool) -t nat -F nameplate-PREROUTING", "the chain nameplate-PREROUTING has no rules"),
        (
          "\(tool) -t nat -F PREROUTING",
          "the jump from PREROUTING to nameplate-PREROUTING is missing"
        ),
        (
          "\(tool) -t nat -I POSTROUTING -o mgmt0 -j MASQUERADE",
          "the jump from POSTROUTING to nameplate-POSTROUTING stands at position 2, "
            + "behind '-o mgmt0 -j MASQUERADE'"
        ),
        (
          "\(tool) -A FORWARD -j nameplate-FORWARD",
          "there are 2 jumps to nameplate-FORWARD where one should be"
        ),
        (
          "\(tool) -F; \(tool) -X", "the chain nameplate-INPUT is missing"
        ),
      ]
    for (command, word) in cases {
      let found = await events(redirect, [{ _ = try road.network.sh("router", command) }, {}])
      guard case .repaired(let drift)? = found.first, found.count == 1 else {
        Issue.record("\(command): \(found)")
        continue
      }
      #expect(drift.first == word)
      #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
    }
  }

  @Test("a failure is said once until it is another one, or over")
  func failures() {
    var pace = RedirectPace(interval: .milliseconds(400))
    let error = RedirectError.missingDevice("br0")
    #expect(pace.next(.failure(error)).event == .failed(error.description))
    #expect(pace.next(.failure(error)).event == nil)
    #expect(pace.next(.failure(.noBackend("x"))).event != nil)
    #expect(pace.next(.success(.unchanged)).event == nil)
    #expect(pace.next(.failure(.noBackend("x"))).event != nil)
  }

  @Test("a contest is said, and repaired ever more slowly until it is over")
  func contest() {
    var pace = RedirectPace(interval: .milliseconds(400))
    let steps = (0..<12).map { _ in pace.next(.success(.installed(["x"]))) }
    #expect(steps[..<5].allSatisfy { $0.event == .repaired(["x"]) })
    #expect(steps[..<5].allSatisfy { $0.pause == .milliseconds(400) })
    #expect(steps[5...].allSatisfy { $0.event == .contested(["x"]) })
    #expect(steps[5].pause == .milliseconds(800))
    #expect(steps[11].pause == .seconds(10))
    #expect(pace.next(.success(.unchanged)).pause == .milliseconds(400))
    #expect(pace.next(.success(.installed(["x"]))).event == .repaired(["x"]))
  }
}

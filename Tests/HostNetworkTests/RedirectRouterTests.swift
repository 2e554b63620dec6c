import Foundation
import HostNetwork
import Inventory
import Testing

@Suite("A router's redirect", .enabled(if: isRoot, "network namespaces need root"))
struct RedirectRouterTests {
  @Test(
    "the service sees the fixed IP, with masquerading from before and from after",
    arguments: RedirectRoad.backends, [true, false])
  func exemption(backend: RedirectPlan.Backend, before: Bool) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    try road.network.serve("api", "ours", at: "fd30::2", port: RedirectRoad.port)
    let redirect = try road.redirect(backend)
    if before { try road.masquerade(backend) }
    _ = try await redirect.install()
    if !before {
      try road.masquerade(backend)
      // A rule that came to stand before iptables' jump is what the reconciler is there for.
      if backend != .nftables {
        let drift = try await redirect.check().drift
        #expect(drift.count == 2)
        #expect(
          drift.first
            == "the jump from POSTROUTING to nameplate-POSTROUTING stands at position 2, "
            + "behind '-s 10.20.0.0/24 -j MASQUERADE'")
        #expect(try await redirect.install() == .installed(drift))
      }
    }
    #expect(try await redirect.install() == .unchanged)
    let answers = [RedirectRoad.url, RedirectRoad.url6].map {
      try? road.network.curl("guest", $0).output
    }
    #expect(answers == ["ours 10.20.0.5", "ours fd20::5"])
    #expect(try await redirect.check().translatedPackets == 2)
    // Without the exemption it is the router that asks.
    let chain =
      switch backend {
      case .nftables: "nft flush chain inet nameplate postrouting"
      case .iptablesNft: "iptables-nft -t nat -F nameplate-POSTROUTING"
      default: "iptables-legacy -t nat -F nameplate-POSTROUTING"
      }
    try road.network.sh("router", chain)
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.30.0.1")
  }

  @Test("nftables' exemption binds masquerading of both variants of iptables too")
  func exemptionFromAll() async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    for backend in RedirectRoad.backends { try road.masquerade(backend) }
    let redirect = try road.redirect()
    _ = try await redirect.install()
    #expect(try await redirect.check().backend == .nftables)
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
  }

  @Test(
    "it fails closed: refused at once, on every port, and never the cloud's own service",
    arguments: RedirectRoad.backends)
  func failClosed(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.masquerade(backend)
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "cloud 192.0.2.2")
    #expect(try road.network.curl("guest", RedirectRoad.url6).output == "cloud fd40::2")
    // No metadata host of IPv6, and nothing listens at IPv4's.
    let redirect = try road.redirect(backend, host6: nil)
    _ = try await redirect.install()
    for url in [RedirectRoad.url, "http://169.254.169.254:8080/", RedirectRoad.url6] {
      #expect(try road.network.curl("guest", url) == .init(status: 7, output: ""), "\(url)")
    }
    #expect(try road.network.curl("router", RedirectRoad.url).output == "cloud 192.0.2.2")
    try await redirect.remove()
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "cloud 192.0.2.2")
  }

  @Test("the service is on the router itself", arguments: RedirectRoad.backends)
  func onTheRouter(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("router", "ours", at: "10.30.0.1", port: RedirectRoad.port)
    try road.masquerade(backend)
    let redirect = try road.redirect(backend, host: "10.30.0.1", host6: nil)
    _ = try await redirect.install()
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
  }

  @Test("a firewall that drops by default lets guests through", arguments: [false, true])
  func dropByDefault(isLegacy: Bool) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    try road.network.serve("api", "ours", at: "10.30.0.2", port: RedirectRoad.port)
    let tool = isLegacy ? "iptables-legacy" : "iptables-nft"
    try road.network.sh("router", "for c in INPUT FORWARD; do \(tool) -P $c DROP; done")
    let redirect = try road.redirect(host6: nil)
    _ = try await redirect.install()
    #expect(try await redirect.check().backend == (isLegacy ? .iptablesLegacy : .iptablesNft))
    #expect(try road.network.curl("guest", RedirectRoad.url).output == "ours 10.20.0.5")
    // Nothing else gets through by it.
    #expect(try road.network.curl("guest", "http://10.30.0.2:8775/", ["-m1"]).status == 28)
  }

  @Test(
    "removing leaves everything as it was, byte for byte", arguments: RedirectRoad.backends,
    [nil, .nftables, .iptablesNft, .iptablesLegacy] as [RedirectPlan.Backend?])
  func removal(backend: RedirectPlan.Backend, foreign: RedirectPlan.Backend?) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    if let foreign { try road.masquerade(foreign) }
    // A table of iptables-legacy cannot be unloaded: what is there must be there before.
    if backend == .iptablesLegacy {
      for tool in ["iptables-legacy", "ip6tables-legacy"] {
        try road.network.sh("router", "\(tool) -t nat -L; \(tool) -t filter -L")
      }
    }
    try road.settle()
    let before = try road.snapshot()
    let redirect = try road.redirect(backend)
    #expect(try await redirect.text().contains("169.254.169.254"))
    #expect(try await redirect.check().isInPlace == false)
    #expect(try road.snapshot() == before)
    _ = try await redirect.install()
    #expect(try road.snapshot() != before)
    #expect(try await redirect.check().drift == [])
    let installed = try road.snapshot()
    #expect(try await road.redirect(backend).install() == .unchanged)
    #expect(try road.snapshot() == installed)
    try await redirect.remove()
    #expect(try road.snapshot() == before)
    try await redirect.remove()
    #expect(try road.snapshot() == before)
  }

  @Test("without its record a redirect is removed all the same", arguments: RedirectRoad.backends)
  func lostRecord(backend: RedirectPlan.Backend) async throws {
    let road = try RedirectRoad()
    defer { road.network.remove() }
    _ = try await road.redirect(backend).install()
    try FileManager.default.removeItem(atPath: road.network.record)
    try await road.redirect().remove()
    #expect(!(try road.snapshot().contains("nameplate")))
  }
}

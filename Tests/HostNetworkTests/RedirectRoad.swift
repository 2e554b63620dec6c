import HostNetwork
import Inventory

/// A guest, its router, the service's host behind the router, and behind the router too the cloud
/// that the router itself runs in, with a metadata service of its own.
///
///     guest 10.20.0.5 --- 10.20.0.1 router 10.30.0.1 --- 10.30.0.2 api
///                                          192.0.2.2 --- 192.0.2.1 cloud 169.254.169.254
struct RedirectRoad {
  let network: TestNetwork
  static let port: UInt16 = 8775

  init() throws {
    network = try TestNetwork(["guest", "router", "api", "cloud"])
    do { try make() } catch {
      network.remove()
      throw error
    }
  }

  private func make() throws {
    try network.link("router", "br0", "guest", "eth0")
    try network.link("router", "mgmt0", "api", "eth0")
    try network.link("router", "up0", "cloud", "eth0")
    try network.sh(
      "guest",
      """
      ip addr add 10.20.0.5/24 dev eth0; ip route add default via 10.20.0.1
      ip -6 addr add fd20::5/64 dev eth0 nodad; ip -6 route add default via fd20::1
      """)
    try network.sh(
      "router",
      """
      echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
      ip addr add 10.20.0.1/24 dev br0; ip -6 addr add fd20::1/64 dev br0 nodad
      ip addr add 10.30.0.1/24 dev mgmt0; ip -6 addr add fd30::1/64 dev mgmt0 nodad
      ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1
      ip -6 addr add fd40::2/64 dev up0 nodad; ip -6 route add default via fd40::1
      """)
    try network.sh(
      "api",
      """
      ip addr add 10.30.0.2/24 dev eth0; ip route add default via 10.30.0.1
      ip -6 addr add fd30::2/64 dev eth0 nodad; ip -6 route add default via fd30::1
      """)
    try network.sh(
      "cloud",
      """
      ip addr add 192.0.2.1/24 dev eth0; ip addr add 169.254.169.254/32 dev lo
      ip route add default via 192.0.2.2
      ip -6 addr add fd40::1/64 dev eth0 nodad; ip -6 addr add fd00:ec2::254/128 dev lo nodad
      ip -6 addr add fe80::a9fe:a9fe/64 dev eth0 nodad
      ip -6 route add default via fd40::2
      """)
    for (address, device) in [
      ("169.254.169.254", nil), ("fd00:ec2::254", nil), ("fe80::a9fe:a9fe", "eth0"),
    ] {
      try network.serve("cloud", "cloud", at: address, port: 80, device: device)
    }
    try network.serve("cloud", "cloud", at: "169.254.169.254", port: 8080)
  }

  /// Waits until the kernel has made what comes with links and addresses.
  func settle(_ name: String = "router") throws {
    var last = ""
    for _ in 0..<200 {
      let now = try snapshot(name)
      if now == last && !now.contains("tentative") { return }
      last = now
    }
  }

  /// The source NAT of a router, as the backend's own tools write it.
  func masquerade(_ backend: RedirectPlan.Backend) throws {
    try network.sh("router", Self.masquerade(backend))
  }

  private static func masquerade(_ backend: RedirectPlan.Backend) -> String {
    switch backend {
    case .iptablesNft, .iptablesLegacy:
      ["iptables", "ip6tables"].map { tool in
        let variant = "\(tool)\(backend == .iptablesNft ? "-nft" : "-legacy")"
        let source = tool == "iptables" ? "10.20.0.0/24" : "fd20::/64"
        return "\(variant) -w -t nat -I POSTROUTING -s \(source) -j MASQUERADE"
      }.joined(separator: "\n")
    default:
      """
      nft 'add table inet host; add chain inet host post \
      { type nat hook postrouting priority srcnat; }; \
      add rule inet host post ip saddr 10.20.0.0/24 masquerade; \
      add rule inet host post ip6 saddr fd20::/64 masquerade'
      """
    }
  }

  func redirect(
    _ backend: RedirectPlan.Backend = .auto, host: String? = "10.30.0.2",
    host6: String? = "fd30::2",
    devices: [String] = ["br0"], prefix: String = "nameplate"
  ) throws -> Redirect {
    let router = try RouterRedirect(
      metadataHostIPv4: host.flatMap { IPAddress($0) },
      metadataHostIPv6: host6.flatMap { IPAddress($0) }, metadataPort: Int(Self.port),
      devices: devices, chainPrefix: prefix)
    return Redirect(
      plan: RedirectPlan(.router(router), backend: backend), tools: network.tools("router"),
      record: network.record)
  }

  /// Everything that a redirect could change, without what counts by itself.
  func snapshot(_ name: String = "router") throws -> String {
    try network.sh(
      name,
      """
      { nft -s list ruleset
      iptables-nft-save; ip6tables-nft-save; iptables-legacy-save; ip6tables-legacy-save
      ip addr; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all
      } 2>/dev/null | sed -e '/^#/d' -e 's/\\[[0-9]*:[0-9]*\\]//' -e 's/expires [0-9]*sec//'
      """)
  }

  static let url = "http://169.254.169.254/"
  static let url6 = "http://[fd00:ec2::254]/"
  static let backends: [RedirectPlan.Backend] = [.nftables, .iptablesNft, .iptablesLegacy]
}

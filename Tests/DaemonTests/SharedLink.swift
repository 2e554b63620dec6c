import Foundation
import TestKit

/// Two guests and the host of the daemon on one bridge, in namespaces of their own.
struct SharedLink {
  let tag: String
  var host: String { "np-\(tag)-net-a" }
  var honest: String { "np-g\(tag)" }
  var evil: String { "np-e\(tag)" }

  static let honestMAC = "fa:16:3e:00:00:05"
  static let evilMAC = "fa:16:3e:00:00:06"
  /// What follows from `honestMAC`.
  static let honestLinkLocal = "fe80::f816:3eff:fe00:5"
  static let service = "169.254.169.254"

  /// Both guests, each with its MAC, IPv4 and IPv6 address.
  static func manifest(check: String? = nil) -> String {
    """
    kind: Network
    id: net-a
    \(check.map { "macCheck: \($0)" } ?? "")
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-555555555555
    hostname: honest
    interfaces:
    - {network: net-a, mac: "\(honestMAC)", addresses: [{ip: 10.20.0.5}, {ip: "fd20::5"}]}
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-666666666666
    hostname: evil
    interfaces:
    - {network: net-a, mac: "\(evilMAC)", addresses: [{ip: 10.20.0.6}, {ip: "fd20::6"}]}
    """
  }

  init() async throws {
    tag = String(UUID().uuidString.prefix(6)).lowercased()
    do {
      try await make()
    } catch {
      remove()
      throw error
    }
  }

  private func make() async throws {
    try await shell(
      """
      for n in \(host) \(honest) \(evil); do
        ip netns add $n
        ip netns exec $n sh -c 'for w in all default; do
          echo 0 >/proc/sys/net/ipv6/conf/$w/accept_dad; done; ip link set lo up'
      done
      ip -n \(host) link add br0 type bridge mcast_snooping 0
      ip -n \(host) link add tap5 type veth peer name eth0 address \(Self.honestMAC) netns \(honest)
      ip -n \(host) link add tap6 type veth peer name eth0 address \(Self.evilMAC) netns \(evil)
      for d in tap5 tap6; do ip -n \(host) link set $d master br0 up; done
      ip -n \(host) link set br0 up
      for a in 10.20.0.1/24 \(Self.service)/32 fd20::1/64 fe80::a9fe:a9fe/64; do
        ip -n \(host) address add $a dev br0
      done
      # A neighbour that says something else is believed at once.
      ip netns exec \(host) sh -c 'echo 0 >/proc/sys/net/ipv4/neigh/br0/locktime'
      for g in "\(honest) 5" "\(evil) 6"; do set -- $g
        ip -n $1 link set eth0 up
        ip -n $1 address add 10.20.0.$2/24 dev eth0
        ip -n $1 address add fd20::$2/64 dev eth0
        ip -n $1 route add \(Self.service) dev eth0
      done
      """)
  }

  @discardableResult
  func shell(_ script: String) async throws -> String {
    let output = try await Program.run("/usr/bin/env", ["sh", "-e", "-s"], input: script)
    guard output.status == 0 else { throw Program.Failed(text: output.error + output.out) }
    return output.out
  }

  func remove() {
    for namespace in [host, honest, evil] {
      _ = try? ChildProcess.runHere(["ip", "netns", "del", namespace])
    }
  }

  /// The status and the body that a guest gets for its host name.
  func ask(_ guest: String, _ address: String = service, port: Int = 80) async throws -> String {
    let output = try await Program.run(
      "/usr/bin/env",
      [
        "ip", "netns", "exec", guest, "curl", "-sg", "--max-time", "10", "-w", " %{http_code}",
        "http://\(address):\(port)/latest/meta-data/hostname",
      ])
    return output.out.replacing("\n", with: "")
  }

  /// Takes an address of the other guest's, and none else, as whoever is root in a guest can.
  func take(_ address: String) async throws {
    let prefix = address.contains(":") ? "64" : "24"
    try await shell(
      """
      ip -n \(evil) address flush dev eth0
      ip -n \(evil) address add \(address)/\(prefix) dev eth0
      ip -n \(evil) route replace \(Self.service) dev eth0
      """)
  }

  /// Tells the link that an address is at a guest's MAC, which is gratuitous ARP's way.
  func announce(_ address: String, from guest: String) async throws {
    let words = address.split(separator: ".").compactMap { UInt8($0) }
    try await NetworkNamespace.run(guest) {
      let wire = try PacketSocket(device: "eth0")
      try wire.send(
        [UInt8](repeating: 0xFF, count: 6) + wire.mac + [8, 6] + [0, 1, 8, 0, 6, 4, 0, 1]
          + wire.mac + words + [UInt8](repeating: 0, count: 6) + words)
    }
  }

  /// A daemon with listeners on the link: in the host's namespace itself, or entered from outside.
  func daemon(inside: Bool, check: String? = nil) async throws -> DaemonProcess {
    let place = inside ? "network: net-a" : "netns: \"np-\(tag)-{network}\""
    let listeners = [
      "{address: \(Self.service), port: 80, \(place)}",
      "{address: \"fd20::1\", port: 80, \(place)}",
      "{address: \"fe80::a9fe:a9fe\", port: 80, device: br0, \(place)}",
    ]
    return try await DaemonProcess(
      prefix: inside ? ["ip", "netns", "exec", host] : [], manifest: Self.manifest(check: check),
      options: [
        "--listeners", "[\(listeners.joined(separator: ", "))]", "--unknown-guest-hold-seconds",
        "0",
      ])
  }
}

import Foundation
import TestKit

/// Network namespaces with a guest each, all with the same addresses. A network's namespace has
/// the interface `e0`; its guest, in a namespace of its own, has `eth0` and is 10.0.0.5.
struct NamespaceFarm {
  let tag: String

  init() { tag = String(UUID().uuidString.prefix(6)).lowercased() }

  /// What `netns` says of them.
  var pattern: String { "np-\(tag)-{network}" }
  func namespace(_ network: String) -> String { "np-\(tag)-\(network)" }
  func guest(_ network: String) -> String { "npg-\(tag)-\(network)" }

  static let service = "169.254.169.254"
  static let macAddress = "fa:16:3e:00:00:05"

  /// One network and one instance for each, which differ in the host name alone.
  func manifest(_ networks: [String]) -> String {
    networks.map { network in
      """
      kind: Network
      id: \(network)
      ---
      kind: Instance
      hostname: guest-of-\(network)
      interfaces:
      - {network: \(network), mac: "\(Self.macAddress)", address: 10.0.0.5}
      """
    }.joined(separator: "\n---\n")
  }

  /// Makes namespaces and guests, all with as few processes as may be.
  func make(_ networks: [String]) async throws {
    var lines: [String] = []
    for network in networks {
      lines += ["netns add \(namespace(network))", "netns add \(guest(network))"]
    }
    try await batch(lines)
    try await connect(networks)
  }

  /// Gives namespaces that are there their interfaces and addresses.
  func connect(_ networks: [String]) async throws {
    var lines: [String] = []
    for network in networks {
      lines.append(
        "link add e0 netns \(namespace(network)) type veth peer name eth0 address"
          + " \(Self.macAddress) netns \(guest(network))")
    }
    try await batch(lines)
    let script = networks.map { network in
      """
      ip -n \(namespace(network)) -batch - <<'END'
      link set lo up
      link set e0 up
      address add 10.0.0.1/24 dev e0
      address add \(Self.service)/32 dev e0
      END
      ip -n \(guest(network)) -batch - <<'END'
      link set lo up
      link set eth0 up
      address add 10.0.0.5/24 dev eth0
      route add \(Self.service) dev eth0
      END
      """
    }.joined(separator: "\n")
    try await shell(script)
  }

  private func batch(_ lines: [String]) async throws {
    let output = try await Program.run(
      "/usr/bin/env", ["ip", "-batch", "-"], input: lines.joined(separator: "\n") + "\n")
    guard output.status == 0 else { throw Program.Failed(text: output.error) }
  }

  @discardableResult
  func shell(_ script: String) async throws -> String {
    let output = try await Program.run("/usr/bin/env", ["sh", "-e", "-s"], input: script)
    guard output.status == 0 else { throw Program.Failed(text: output.error + output.out) }
    return output.out
  }

  /// Removes whatever has this farm's tag.
  func remove() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
    let ours = names.filter { $0.hasPrefix("np-\(tag)-") || $0.hasPrefix("npg-\(tag)-") }
    _ = try? ChildProcess.runHere(
      ["ip", "-force", "-batch", "-"],
      input: ours.map { "netns del \($0)\n" }.joined())
  }

  /// What a guest gets; it asks until there is an answer, five seconds long.
  func ask(
    _ network: String, _ url: String = "http://\(Self.service)/latest/meta-data/hostname"
  ) async throws -> String {
    let output = try await Program.run(
      "/usr/bin/env",
      ["ip", "netns", "exec", guest(network)] + Self.patientCurl + [url])
    return output.out
  }

  static let patientCurl = [
    "curl", "-sfg", "--max-time", "10", "--retry", "100", "--retry-delay", "1",
    "--retry-max-time", "10", "--retry-all-errors", "--connect-timeout", "1",
  ]
}

extension DaemonProcess {
  /// A daemon with listeners in namespaces.
  convenience init(listeners: String, manifest: String) async throws {
    try await self.init(manifest: manifest, options: ["--listeners", "[\(listeners)]"])
  }
}

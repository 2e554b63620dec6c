import Foundation
import TestKit
import Testing

/// Whether network namespaces can be made here.
let isRoot = geteuid() == 0

/// A guest and its router, in namespaces of their own: what the guest sends to
/// 169.254.169.254:80 reaches the daemon in the router through a DNAT rule.
struct GuestNetwork {
  let router: String
  let guest: String

  init() async throws {
    let suffix = String(UUID().uuidString.prefix(6)).lowercased()
    router = "np-r\(suffix)"
    guest = "np-g\(suffix)"
    do {
      try await make(veth: "np\(suffix)")
    } catch {
      remove()
      throw error
    }
  }

  private func make(veth: String) async throws {
    try await Program.tool("ip", "netns", "add", router)
    try await Program.tool("ip", "netns", "add", guest)
    try await Program.tool(
      "ip", "link", "add", "\(veth)r", "netns", router, "type", "veth", "peer", "name", "eth0",
      "netns", guest)
    try await Program.tool("ip", "-n", guest, "link", "set", "eth0", "address", "fa:16:3e:00:00:05")
    for (namespace, device, address) in [
      (router, "\(veth)r", "10.20.0.1/24"), (guest, "eth0", "10.20.0.5/24"),
    ] {
      try await Program.tool("ip", "-n", namespace, "link", "set", "lo", "up")
      try await Program.tool("ip", "-n", namespace, "address", "add", address, "dev", device)
      try await Program.tool("ip", "-n", namespace, "link", "set", device, "up")
    }
    try await Program.tool("ip", "-n", guest, "route", "add", "default", "via", "10.20.0.1")
    let rules = """
      table ip np {
        chain pre {
          type nat hook prerouting priority -100
          ip daddr 169.254.169.254 tcp dport 80 dnat to 10.20.0.1:8775
        }
      }
      """
    let output = try await Program.run(
      "/usr/bin/env", ["ip", "netns", "exec", router, "nft", "-f", "-"], input: rules)
    guard output.status == 0 else { throw Program.Failed(text: output.error) }
  }

  func remove() {
    for namespace in [guest, router] {
      _ = try? ChildProcess.runHere(["ip", "netns", "del", namespace])
    }
  }

  func asGuest(_ words: [String], environment: [String: String] = [:]) async throws
    -> Program.Output
  {
    try await Program.run(
      "/usr/bin/env", ["ip", "netns", "exec", guest] + words, environment: environment)
  }
}

@Suite("A guest in a network", .enabled(if: isRoot, "network namespaces need root"))
struct GuestNetworkTests {
  static let manifest = """
    kind: Network
    id: net-a
    subnets: [{cidr: 10.20.0.0/24, gateway: 10.20.0.1}]
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-555555555555
    hostname: guest-5
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bob@desk"]
    interfaces:
    - {network: net-a, mac: "fa:16:3e:00:00:05", address: 10.20.0.5}
    """

  @Test("curl and the classic boot loop get the key through a DNAT rule, as they stand")
  func classicLoop() async throws {
    let network = try await GuestNetwork()
    defer { network.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.router], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest)
    defer { daemon.stop() }
    let base = "http://169.254.169.254"
    let hostname = try await network.asGuest(["curl", "-sf", "\(base)/latest/meta-data/hostname"])
    #expect(hostname.out == "guest-5")
    // The loop has /root and /tmp written in it: it gets a root of its own to write to.
    let home = "\(daemon.folder)/home"
    try FileManager.default.createDirectory(
      atPath: "\(home)/.ssh", withIntermediateDirectories: true)
    let loop = try await network.asGuest([
      "unshare", "--mount", "sh", "-c", "mount --bind \(home) /root && \(Self.loop)",
    ])
    #expect(loop.status == 0, "\(loop.error)")
    let keys = try String(contentsOfFile: "\(home)/.ssh/authorized_keys", encoding: .utf8)
    #expect(keys == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB bob@desk")
  }

  static let loop = """
    ATTEMPTS=10
    FAILED=0
    while [ ! -f /root/.ssh/authorized_keys ]; do
      curl -f http://169.254.169.254/latest/meta-data/public-keys/0/openssh-key > /tmp/aws-key 2>/dev/null
      if [ $? -eq 0 ]; then
        cat /tmp/aws-key >> /root/.ssh/authorized_keys
        chmod 0600 /root/.ssh/authorized_keys
        rm -f /tmp/aws-key
        break
      fi
      FAILED=$(($FAILED + 1))
      [ $FAILED -ge $ATTEMPTS ] && break
      sleep 5
    done
    """

  @Test("nothing that a guest says makes it another")
  func identityHeaders() async throws {
    let network = try await GuestNetwork()
    defer { network.remove() }
    let other = """

      ---
      kind: Instance
      id: 11111111-2222-4333-8444-666666666666
      hostname: victim
      interfaces:
      - {network: net-a, address: 10.20.0.6}
      """
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", network.router], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest + other)
    defer { daemon.stop() }
    for header in [
      "X-Forwarded-For: 10.20.0.6", "X-Instance-ID: 11111111-2222-4333-8444-666666666666",
      "Forwarded: for=10.20.0.6", "X-Real-IP: 10.20.0.6", "X-Neutron-Network-ID: net-a",
    ] {
      let answer = try await network.asGuest([
        "curl", "-sf", "-H", header, "http://169.254.169.254/latest/meta-data/hostname",
      ])
      #expect(answer.out == "guest-5", "\(header)")
    }
  }
}

/// The drivers of real clients, where they are beside the project.
let clientsFolder: String? = {
  let named = ProcessInfo.processInfo.environment["NAMEPLATE_CLIENTS"]
  let folder = named ?? "../shared/clients"
  return FileManager.default.fileExists(atPath: "\(folder)/run.sh") ? folder : nil
}()

@Suite(
  "Real clients",
  .enabled(if: isRoot && clientsFolder != nil, "needs root and the clients' drivers"))
struct RealClientTests {
  @Test("cloud-init's data sources and EC2's token clients come up, with keys, name, user data")
  func cloudInit() async throws {
    let source = try #require(clientsFolder)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await Program.tool("cp", "-r", source, folder)
    try await Program.tool("chmod", "-R", "u+w", folder)
    try await Program.tool("sh", "\(folder)/setup.sh")
    let serve = """
      \(Program.path) serve --state-directory \(folder)/state --control-socket \(folder)/c.sock \
      --apply \(folder)/manifest.yaml
      """
    let output = try await Program.run(
      "/usr/bin/env", ["sh", "\(folder)/run.sh", serve],
      environment: [
        "CLIENTS":
          "cloud-init-22.4.2/(Ec2-IMDSv[12]|OpenStack|ConfigDrive-dir)|curl|protocol/openstack"
          + "|ec2metadata\\(|ec2-metadata\\(PyPI|protocol/ec2"
      ])
    let failures = output.out.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
    // Nova answers network_data.json in versions that do not list it, and so do we.
    // There is no iam/ yet, and no `mac` in the version that Debian's ec2metadata asks, as in Nova.
    let known = [
      "protocol/openstack: 2012-08-10 has no network_data.json",
      "protocol/ec2: iam/security-credentials/", "ec2metadata(cloud-guest-utils): mac",
    ]
    #expect(failures.filter { failure in !known.contains { failure.contains($0) } } == [])
    #expect(
      output.out.split(separator: "\n").count { $0.hasPrefix("PASS") } > 50, "\(output.error)")
  }
}

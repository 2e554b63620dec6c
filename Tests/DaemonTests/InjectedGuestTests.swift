import Foundation
import TestKit
import Testing

/// Debian's smallest root file system with an SSH server and each program that configures networks,
/// made once and kept beside the build.
private enum DebianRoot {
  static let archive = URL(fileURLWithPath: Program.path).deletingLastPathComponent()
    .appendingPathComponent("np-bookworm-networks.tar").path

  /// Whether it is there or can be made: debootstrap needs root, and a mirror.
  static let isThere = Task {
    guard isRoot else { return false }
    if FileManager.default.fileExists(atPath: archive) { return true }
    let made = try? await Program.run(
      "/bin/sh",
      [
        "-ec",
        """
        PATH=$PATH:/usr/sbin:/sbin; command -v debootstrap; command -v ssh; d=$(mktemp -d)
        trap 'rm -rf "$d"' EXIT
        debootstrap --variant=minbase \
          --include=openssh-server,ifupdown,iproute2,systemd,netplan.io bookworm "$d/r"
        chroot "$d/r" useradd -m -s /bin/bash bob
        rm -rf "$d"/r/var/cache/apt/archives/*.deb "$d"/r/var/lib/apt/lists/*
        tar -C "$d/r" -cf '\(archive).new' .; mv '\(archive).new' '\(archive)'
        """,
      ])
    return made?.status == 0
  }
}

@Suite(
  "A guest whose image was injected", .serialized,
  .enabled("needs root, debootstrap, ssh and a mirror of Debian") {
    await DebianRoot.isThere.value
  })
struct InjectedGuestTests {
  struct Layout: Sendable, CustomTestStringConvertible {
    var name: String
    var user: String
    var networking: String
    /// What makes `disk` of the file system `fs`.
    var make: String
    /// Where the file system is in the raw disk `raw`.
    var raw: String
    var testDescription: String { "\(name), \(networking), \(user)" }

    /// A partition that starts at 1 MiB.
    static func table(_ label: String) -> String {
      """
      truncate -s 700M disk; printf 'label: \(label)\\nstart=2048' | sfdisk -q disk
      dd if=fs of=disk bs=1M seek=1 conv=notrunc,sparse status=none
      """
    }
    static let partition = "dd if=disk of=raw bs=1M skip=1 conv=sparse status=none"
  }

  static let layouts = [
    Layout(
      name: "raw", user: "root", networking: "ifupdown", make: "mv fs disk", raw: "ln disk raw"),
    Layout(
      name: "raw with a GPT", user: "bob", networking: "networkd", make: Layout.table("gpt"),
      raw: Layout.partition),
    Layout(
      name: "raw with an MBR", user: "root", networking: "netplan", make: Layout.table("dos"),
      raw: Layout.partition),
    Layout(
      name: "qcow2", user: "bob", networking: "ifupdown",
      make: "qemu-img convert -O qcow2 fs disk", raw: "qemu-img convert -O raw disk raw"),
  ]

  /// What the guest's own program does with the file that was injected, in `out`.
  private static let networks = [
    "ifupdown": "mkdir -p out/run/network; chroot out /sbin/ifup -a",
    "networkd": networkd,
    // A veth has no address burnt in, by which netplan has networkd look for a card.
    "netplan": """
    chroot out netplan generate
    sed -i s/^PermanentMACAddress/MACAddress/ out/run/systemd/network/10-netplan-nic0.*
    \(networkd)
    """,
  ]

  /// With /sys read-only it does not wait for udev.
  private static let networkd = """
    mkdir -p out/run/systemd/netif/links out/run/systemd/netif/leases out/run/systemd/netif/lldp
    chroot out chown -R systemd-network:systemd-network /run/systemd/netif
    chroot out /lib/systemd/systemd-networkd >out/run/networkd.log 2>&1 &
    chroot out /lib/systemd/systemd-networkd-wait-online -i ens7 --timeout=60 || {
      cat out/run/networkd.log; exit 1; }
    ! grep -iE "unknown|invalid|failed to parse|ignoring" out/run/networkd.log
    """

  @Test("is reached at its addresses, and lets in who has the key", arguments: layouts)
  func login(layout: Layout) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let space = "np-\(folder.suffix(6).lowercased())"
    defer { Self.remove(space, folder) }
    func sh(_ script: String) async throws -> String {
      try await Program.tool("sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin; cd '\(folder)'; " + script)
    }
    _ = try await sh(
      """
      mkdir root; tar -C root -xf '\(DebianRoot.archive)'; mke2fs -q -t ext4 -d root fs 600M
      rm -rf root; \(layout.make); rm -f fs; ssh-keygen -q -t ed25519 -N '' -f key
      """)
    let key = try await sh("cat key.pub").split(separator: "\n")[0]
    try Data(Self.manifest(key: String(key)).utf8).write(
      to: URL(fileURLWithPath: "\(folder)/m.yaml"))
    let done = try await Program.run([
      "inject", "\(folder)/disk", "-f", "\(folder)/m.yaml", "--user", layout.user, "--network",
      layout.networking,
    ])
    #expect(done.status == 0, "\(done.error)")

    _ = try await sh("\(layout.raw); e2fsck -fn raw")
    // The guest's own tree, its own network configuration and its own SSH server, in a namespace.
    let network = try #require(Self.networks[layout.networking])
    let log = try await sh(
      """
      mkdir out; debugfs -R 'rdump / out' raw >/dev/null 2>&1
      ip netns add \(space); ip -n \(space) link set lo up
      ip -n \(space) link add ens7 address fa:16:3e:00:00:05 type veth peer name far
      ip -n \(space) link set far up
      ip netns exec \(space) unshare --mount sh -ec '
        mount --bind /dev out/dev; mount -t proc proc out/proc; mount -t sysfs -o ro sys out/sys
        mkdir -p out/run/sshd
        \(network)
        chroot out /usr/sbin/sshd -E /run/sshd.log'
      ip -n \(space) -br addr; ip -n \(space) route; ip -n \(space) -6 route
      ip -n \(space) -o link show ens7
      """)
    for fact in [
      "10.20.0.5/24", "2001:db8:20::5/64", "default via 10.20.0.1 dev ens7",
      "198.51.100.0/24 via 10.20.0.9 dev ens7", "default via 2001:db8:20::1 dev ens7", "mtu 1450",
    ] {
      #expect(log.contains(fact), "\(log)")
    }
    let login = try await Program.run(
      "/usr/bin/env",
      [
        "ip", "netns", "exec", space, "ssh", "-F", "/dev/null", "-i", "\(folder)/key",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectionAttempts=20",
        "\(layout.user)@10.20.0.5", "id -un; cat /etc/hostname",
      ])
    let said = try await sh("cat out/run/sshd.log || true")
    #expect(login.out == "\(layout.user)\nweb-1\n", "\(login.error) \(said)")
  }

  private static func manifest(key: String) -> String {
    """
    kind: Network
    id: net-a
    mtu: 1450
    subnets:
    - cidr: 10.20.0.0/24
      gateway: 10.20.0.1
      dns: [10.20.0.2]
      routes: [{destination: 198.51.100.0/24, gateway: 10.20.0.9}]
    - {cidr: "2001:db8:20::/64", gateway: "2001:db8:20::1"}
    ---
    kind: Instance
    id: 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
    hostname: web-1
    keys: ["\(key)"]
    interfaces:
    - network: net-a
      mac: "fa:16:3e:00:00:05"
      addresses: [{ip: 10.20.0.5}, {ip: "2001:db8:20::5"}]
    """
  }

  private static func remove(_ space: String, _ folder: String) {
    _ = try? ChildProcess.runHere([
      "sh", "-c",
      """
      for i in 1 2 3; do
        p=$(ip netns pids \(space)); [ -z "$p" ] && break; kill -9 $p 2>/dev/null
      done; ip netns del \(space); rm -rf '\(folder)'
      """,
    ])
  }
}

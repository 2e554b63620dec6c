import Foundation
import TestKit
import Testing

/// Debian's smallest root file system with an SSH server, made once and kept beside the build.
private enum DebianRoot {
  static let archive = URL(fileURLWithPath: Program.path).deletingLastPathComponent()
    .appendingPathComponent("np-bookworm.tar").path

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
        debootstrap --variant=minbase --include=openssh-server,ifupdown,iproute2 bookworm "$d/r"
        chroot "$d/r" useradd -m -s /bin/bash bob
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
  /// What makes `disk` of the file system `fs`, and where the file system is in the raw disk `raw`.
  private static let layouts: [(name: String, user: String, make: String, raw: String)] = [
    ("raw", "root", "mv fs disk", "ln disk raw"),
    (
      "raw with a GPT", "bob",
      """
      truncate -s 600M disk; printf 'label: gpt\\nstart=2048' | sfdisk -q disk
      dd if=fs of=disk bs=1M seek=1 conv=notrunc,sparse status=none
      """, "dd if=disk of=raw bs=1M skip=1 conv=sparse status=none"
    ),
    (
      "raw with an MBR", "root",
      """
      truncate -s 600M disk; printf 'label: dos\\nstart=2048' | sfdisk -q disk
      dd if=fs of=disk bs=1M seek=1 conv=notrunc,sparse status=none
      """, "dd if=disk of=raw bs=1M skip=1 conv=sparse status=none"
    ),
    ("qcow2", "bob", "qemu-img convert -O qcow2 fs disk", "qemu-img convert -O raw disk raw"),
  ]

  @Test("is reached at its address, and lets in who has the key", arguments: 0..<4)
  func login(number: Int) async throws {
    let layout = Self.layouts[number]
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let space = "np-\(folder.suffix(6).lowercased())"
    defer {
      _ = try? ChildProcess.runHere([
        "sh", "-c",
        """
        for i in 1 2 3; do
          p=$(ip netns pids \(space)); [ -z "$p" ] && break; kill -9 $p 2>/dev/null
        done; ip netns del \(space); rm -rf '\(folder)'
        """,
      ])
    }
    func sh(_ script: String) async throws -> String {
      try await Program.tool("sh", "-ec", "PATH=$PATH:/usr/sbin:/sbin; cd '\(folder)'; " + script)
    }
    _ = try await sh(
      """
      mkdir root; tar -C root -xf '\(DebianRoot.archive)'; mke2fs -q -t ext4 -d root fs 500M
      rm -rf root; \(layout.make); rm -f fs; ssh-keygen -q -t ed25519 -N '' -f key
      """)
    let key = try await sh("cat key.pub").split(separator: "\n")[0]
    let manifest = """
      kind: Network
      id: net-a
      subnets: [{cidr: 10.20.0.0/24, gateway: 10.20.0.1}]
      ---
      kind: Instance
      id: 6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21
      hostname: web-\(number)
      keys: ["\(key)"]
      interfaces:
      - {network: net-a, mac: "fa:16:3e:00:00:05", address: 10.20.0.5}
      """
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: "\(folder)/m.yaml"))
    let done = try await Program.run([
      "inject", "\(folder)/disk", "-f", "\(folder)/m.yaml", "--user", layout.user,
    ])
    #expect(done.status == 0, "\(layout.name): \(done.error)")

    _ = try await sh("\(layout.raw); e2fsck -fn raw")
    // The guest's own tree, its own network configuration and its own SSH server, in a namespace.
    let log = try await sh(
      """
      mkdir out; debugfs -R 'rdump / out' raw >/dev/null 2>&1
      ip netns add \(space); ip -n \(space) link set lo up
      ip -n \(space) link add ens7 address fa:16:3e:00:00:05 type veth peer name far
      ip -n \(space) link set far up
      ip netns exec \(space) unshare --mount sh -ec '
        mount --bind /dev out/dev; mount -t proc proc out/proc; mount -t sysfs sys out/sys
        mkdir -p out/run/sshd out/run/network
        chroot out /sbin/ifup -a 2>&1
        chroot out /usr/sbin/sshd -E /run/sshd.log'
      ip -n \(space) -br addr
      """)
    #expect(log.contains("10.20.0.5/24"), "\(log)")
    let login = try await Program.run(
      "/usr/bin/env",
      [
        "ip", "netns", "exec", space, "ssh", "-F", "/dev/null", "-i", "\(folder)/key",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectionAttempts=20",
        "\(layout.user)@10.20.0.5", "id -un; cat /etc/hostname",
      ])
    let said = try await sh("cat out/run/sshd.log || true")
    #expect(
      login.out == "\(layout.user)\nweb-\(number)\n", "\(layout.name): \(login.error) \(said)")
  }
}

import Foundation
import TestKit
import Testing

/// A small image and a manifest, for the program as an operator runs it.
private struct InjectBench {
  let folder: String
  var image: String { "\(folder)/disk.img" }
  var manifest: String { "\(folder)/web.yaml" }
  static let id = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"
  static let text = """
    kind: Network
    id: net-a
    subnets: [{cidr: 10.20.0.0/24, gateway: 10.20.0.1}]
    ---
    kind: KeyPair
    name: alice
    publicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@desk
    ---
    kind: Instance
    id: \(id)
    hostname: web-1
    keys: [alice]
    files: [{path: /etc/app/secret, content: s3cret-content}]
    interfaces:
    - {network: net-a, mac: "fa:16:3e:00:00:05", address: 10.20.0.5}
    """

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("np-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(Self.text.utf8).write(to: URL(fileURLWithPath: manifest))
    try await sh(
      """
      mkdir -p root/etc/network root/usr/sbin root/root root/home/bob
      touch root/usr/sbin/ifup; head -c 3M /dev/urandom >root/data
      printf 'root:x:0:0::/root:/bin/sh\\nbob:x:1000:1001::/home/bob:/bin/sh\\n' >root/etc/passwd
      mke2fs -q -t ext4 -d root disk.img 16M; rm -r root
      """)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func sh(_ script: String) async throws -> String {
    let path = "PATH=$PATH:/usr/sbin:/sbin; cd '\(folder)'; "
    return try await Program.tool("sh", "-ec", path + script)
  }

  func inject(_ words: String...) async throws -> Program.Output {
    try await Program.run(["inject", image] + words)
  }
}

@Suite("nameplate inject", .serialized)
struct InjectTests {
  @Test("takes an instance from manifests, says what it changed, and shows no secret")
  func manifest() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    let dry = try await bench.inject("-f", bench.manifest, "--dry-run")
    #expect(dry.status == 0, "\(dry.error)")
    #expect(dry.out.contains("+ ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@desk"))
    #expect(dry.out.contains("+     address 10.20.0.5/24"))
    #expect(dry.out.contains("nothing was written"))
    let done = try await bench.inject("-f", bench.manifest)
    #expect(done.status == 0, "\(done.error)")
    #expect(done.out.contains("/root/.ssh/authorized_keys  create  0600  0:0"))
    #expect(!(dry.out + done.out).contains("s3cret-content"))
    let look = "debugfs -R 'cat /etc/app/secret' disk.img 2>/dev/null"
    #expect(try await bench.sh(look) == "s3cret-content")
    let again = try await bench.inject("-f", bench.manifest, "--output", "json")
    #expect(again.out.contains("\"written\": false, \"changes\": []"))
  }

  @Test("takes an instance from the daemon, with its key pairs and networks")
  func daemon() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    let daemon = try await DaemonProcess(manifest: InjectBench.text)
    defer { daemon.stop() }
    let done = try await daemon.command("inject", bench.image, InjectBench.id)
    #expect(done.status == 0, "\(done.error)")
    try await bench.sh(
      """
      debugfs -R 'cat /root/.ssh/authorized_keys' disk.img 2>/dev/null | grep -q alice@desk
      debugfs -R 'cat /etc/network/interfaces' disk.img 2>/dev/null | grep -q 10.20.0.5/24
      """)
  }

  @Test("says by its exit code what became of it")
  func exitCodes() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    let manifest = ["-f", bench.manifest]
    for (words, status) in [
      ([bench.image] + manifest + ["--user", "eve"], 1), (["/nowhere"] + manifest, 1),
      ([bench.image, InjectBench.id, "--socket", "/nowhere"], 3), ([bench.image], 2),
      ([bench.image] + manifest + ["--file", "nothing"], 2),
    ] as [([String], Int32)] {
      let output = try await Program.run(["inject"] + words)
      #expect(output.status == status, "\(words): \(output.error)")
      #expect(!output.error.isEmpty)
    }
  }

  @Test("takes local files with mode and owner")
  func localFiles() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    try await bench.sh("echo hello >'odd:name'")
    let done = try await bench.inject(
      "-f", bench.manifest, "--file", "\(bench.folder)/odd:name:/home/bob/a,mode=0600,owner=bob")
    #expect(done.status == 0, "\(done.error)")
    #expect(done.out.contains("/home/bob/a                 create  0600  1000:1001  6"))
  }

  @Test("says which package it needs, where an image is of another kind and guestfish is not there")
  func withoutGuestfish() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    // What else it runs, and nothing more of /usr/bin.
    try await bench.sh(
      """
      head -c 1M /dev/zero >disk.img; printf XFSB | dd of=disk.img conv=notrunc status=none
      mkdir bin; for t in prlimit cp; do ln -s "$(command -v $t)" bin; done; sha256sum disk.img >sum
      """)
    for more in [[], ["--dry-run"]] {
      let words = ["inject", bench.image, "-f", bench.manifest] + more
      let output = try await Program.run(
        "/usr/bin/env", ["PATH=\(bench.folder)/bin", Program.path] + words)
      #expect(output.status == 1)
      #expect(
        output.error.contains("(the whole disk: XFS). Others are written to with guestfish"))
      #expect(output.error.contains("apt install guestfish"), "\(output.error)")
    }
    try await bench.sh("sha256sum -c sum; [ $(ls -A | wc -l) = 4 ]")
  }

  @Test("needs no root", .enabled(if: isRoot, "only root can become another user"))
  func unprivileged() async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    try await bench.sh("chown -R 65534:65534 .")
    let done = try await Program.run(
      "/usr/bin/env",
      [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
        "--bounding-set=-all", Program.path, "inject", bench.image, "-f", bench.manifest,
      ])
    #expect(done.status == 0, "\(done.error)")
    try await bench.sh("e2fsck -fn disk.img")
  }

  @Test(
    "killed at any moment it leaves the old image or the new one, and the next run puts it right",
    arguments: ["raw", "qcow2"])
  func killed(form: String) async throws {
    let bench = try await InjectBench()
    defer { bench.remove() }
    if form == "qcow2" {
      try await bench.sh("qemu-img convert -O qcow2 disk.img q; mv q disk.img")
    }
    let old = try await bench.sh("sha256sum disk.img")
    var kept = 0
    // Later and later, until it comes to its end.
    for hundredths in stride(from: 1, to: 3000, by: 7) {
      let run = try await Program.run(
        "/usr/bin/env",
        [
          "timeout", "-s", "KILL", "\(Double(hundredths) / 100)", Program.path, "inject",
          bench.image, "-f", bench.manifest,
        ])
      guard try await bench.sh("sha256sum disk.img") == old else {
        // The exchange was made, whether or not the end was reached.
        if form == "qcow2" { try await bench.sh("qemu-img check -q disk.img") }
        let raw = form == "qcow2" ? "qemu-img convert -O raw disk.img r" : "cp disk.img r"
        try await bench.sh(
          "\(raw); e2fsck -fn r; debugfs -R 'stat /etc/app/secret' r | grep -q 0644")
        break
      }
      #expect(run.status != 0)
      kept += 1
    }
    #expect(kept > 0)
    let after = try await bench.inject("-f", bench.manifest)
    #expect(after.status == 0, "\(after.error)")
    #expect(after.out.contains("all is in place already"))
    #expect(try await bench.sh("ls -A | grep nameplate-inject || true") == "")
  }
}

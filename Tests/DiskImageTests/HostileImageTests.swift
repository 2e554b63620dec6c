import Foundation
import TestKit
import Testing

@testable import DiskImage

/// An image that means no good, and what is said of it.
struct HostileImage: Sendable, CustomTestStringConvertible {
  let testDescription: String
  var tree = ""
  /// Commands of debugfs on the made image.
  var commands: [String] = []
  var file = "disk.img"
  var script = "mv fs disk.img"
  /// What is written over the made image.
  var patches: [Patch] = []
  var user = "root"
  let reason: DiskImageError.Reason
  let says: String

  init(
    _ description: String, tree: String = "", commands: [String] = [], file: String = "disk.img",
    script: String = "mv fs disk.img", patches: [Patch] = [], user: String = "root",
    _ reason: DiskImageError.Reason, says: String
  ) {
    testDescription = description
    self.tree = tree
    self.commands = commands
    self.file = file
    self.script = script
    self.patches = patches
    self.user = user
    self.reason = reason
    self.says = says
  }

  /// Bytes at a place of an image.
  struct Patch: Sendable {
    let offset: Int
    let bytes: [UInt8]

    init(_ offset: Int, _ bytes: [UInt8]) {
      self.offset = offset
      self.bytes = bytes
    }
  }

  // MARK: Paths that lead elsewhere (CVE-2012-3360, CVE-2012-3361, CVE-2012-3447)

  static let paths: [HostileImage] = [
    HostileImage(
      "/etc leads out", tree: "mv etc e; ln -s ../../etc etc", .noRoot, says: "no directory /etc"),
    HostileImage(
      "/etc leads to itself", tree: "mv etc e; ln -s etc etc", .noRoot, says: "no directory /etc"),
    HostileImage(
      "authorized_keys leads to /etc/shadow",
      tree: "mkdir -m 700 root/.ssh; ln -s /etc/shadow root/.ssh/authorized_keys", .notPlain,
      says: "/root/.ssh/authorized_keys of the image is a symbolic link"),
    HostileImage(
      "authorized_keys leads to a file of the host",
      tree: "mkdir -m 700 root/.ssh; ln -s \"$PWD/../canary\" root/.ssh/authorized_keys",
      .notPlain, says: "is a symbolic link"),
    HostileImage(
      ".ssh leads to /etc", tree: "ln -s /etc root/.ssh", .notPlain,
      says: "/root/.ssh of the image is a symbolic link, not a directory"),
    HostileImage(
      ".ssh leads to itself", tree: "ln -s .ssh root/.ssh", .notPlain, says: "a symbolic link"),
    HostileImage(
      "/root leads to the host's folder", tree: "rmdir root; ln -s \"$PWD/..\" root", .notPlain,
      says: "is no directory"),
    HostileImage(
      "/etc/hostname leads far up",
      tree: "ln -sf ../../../../../../../../../../tmp/x etc/hostname", .notPlain,
      says: "/etc/hostname of the image is a symbolic link, not a plain file"),
    HostileImage(
      "the network's file leads away", tree: "ln -sf /etc/shadow etc/network/interfaces",
      .notPlain, says: "/etc/network/interfaces of the image is a symbolic link"),
    HostileImage(
      "the network's folder leads away", tree: "rm -r etc/network; ln -s /etc etc/network",
      .notPlain, says: "/etc/network of the image is a symbolic link"),
    HostileImage(
      "passwd is a link", tree: "mv etc/passwd etc/p; ln -s p etc/passwd", .notPlain,
      says: "/etc/passwd of the image is a symbolic link"),
    HostileImage(
      "authorized_keys is another name of /etc/shadow",
      tree: "mkdir -m 700 root/.ssh; ln etc/shadow root/.ssh/authorized_keys", .notPlain,
      says: "has 2 names"),
    HostileImage(
      "a home that climbs", tree: "echo 'eve:x:1:1::/../../../root:/bin/sh' >>etc/passwd",
      user: "eve", .noUser, says: "cannot be used"),
    HostileImage(
      "a home that is a link",
      tree: "ln -s / home/eve; echo 'eve:x:1:1::/home/eve:/bin/sh' >>etc/passwd", user: "eve",
      .notPlain, says: "the home of 'eve', /home/eve, is no directory"),
    HostileImage(
      "a home below a link",
      tree: "ln -s / h; echo 'eve:x:1:1::/h/root:/bin/sh' >>etc/passwd", user: "eve",
      .notPlain, says: "/h of the image is a symbolic link"),
  ]

  // MARK: Things that are not what they should be

  static let kinds: [HostileImage] = [
    HostileImage(
      "a directory for a file", tree: "rm etc/hostname; mkdir etc/hostname", .notPlain,
      says: "/etc/hostname of the image is a directory"),
    HostileImage(
      "a pipe for a file", tree: "rm etc/hostname; mkfifo etc/hostname", .notPlain,
      says: "is a device, pipe or socket"),
    HostileImage(
      "a file for a directory", tree: "touch root/.ssh", .notPlain,
      says: "/root/.ssh of the image is a file, not a directory"),
    HostileImage(
      "an immutable file", commands: ["set_inode_field /etc/hostname flags 0x80010"], .notPlain,
      says: "/etc/hostname of the image is immutable"),
    HostileImage(
      "an append-only file", commands: ["set_inode_field /etc/hostname flags 0x80020"],
      .notPlain, says: "is append-only"),
    HostileImage(
      "an immutable directory", commands: ["set_inode_field /root flags 0x80010"], .notPlain,
      says: "/root of the image is immutable"),
    HostileImage(
      "no passwd", tree: "rm etc/passwd", .noUser, says: "has no /etc/passwd"),
    HostileImage(
      "a passwd of a gigabyte", tree: "truncate -s 1G etc/passwd", .tooLarge,
      says: "/etc/passwd of the image has 1073741824 bytes"),
    HostileImage(
      "a passwd of noise", tree: "head -c 100000 /dev/urandom >etc/passwd", user: "bob", .noUser,
      says: "no user 'bob'"),
    HostileImage(
      "a passwd with NULs", tree: "printf 'root:x:0:0::/ro\\0ot:/bin/sh\\n' >etc/passwd", .noUser,
      says: "cannot be used"),
    HostileImage(
      "a hostname of a terabyte", tree: "truncate -s 200G etc/hostname", .tooLarge,
      says: "/etc/hostname of the image has 214748364800 bytes"),
  ]

  // MARK: Structures that lie

  static let structures: [HostileImage] = [
    HostileImage(
      "no superblock", script: "mv fs disk.img; \(poke(1024, "\\0\\0\\0\\0", 256))", .noRoot,
      says: "no file system was found"),
    HostileImage(
      "a block size that there is not", script: "mv fs disk.img; \(poke(1024 + 24, "\\377"))",
      .damaged, says: "makes no sense"),
    HostileImage(
      "a size of terabytes",
      script: "mv fs disk.img; \(poke(1024 + 4, "\\377\\377\\377\\177"))", .damaged,
      says: "claims 2147483647 blocks of 1024 bytes"),
    HostileImage(
      "an end that is missing", script: "mv fs disk.img; truncate -s 9M disk.img", .damaged,
      says: "claims 16384 blocks"),
    HostileImage(
      "group descriptors of noise",
      script: "mv fs disk.img; head -c 1024 /dev/urandom | \(into(2048))", .damaged,
      says: "the image's file system"),
    HostileImage(
      "inodes of noise",
      script: """
        mv fs disk.img
        b=$(debugfs -R 'imap <2>' disk.img 2>&1 | sed -n 's/.*block \\([0-9]*\\),.*/\\1/p')
        head -c 4096 /dev/urandom | dd of=disk.img bs=1024 seek=$b conv=notrunc status=none
        """, .damaged, says: "the image's file system"),
    HostileImage(
      "a journal that is to be replayed", commands: ["feature needs_recovery"], .inUse,
      says: "was not unmounted"),
    HostileImage(
      "a state that is not clean", commands: ["set_super_value state 0"], .inUse,
      says: "was not unmounted"),
    HostileImage(
      "a state with errors", commands: ["set_super_value state 3"], .damaged,
      says: "is marked faulty"),
    HostileImage(
      "a feature of tomorrow", commands: ["set_super_value feature_ro_compat 0x40000000"],
      .unsupported, says: "read-only 0x40000000"),
    HostileImage(
      "an incompatible feature of tomorrow",
      script: "mv fs disk.img; \(poke(1024 + 96 + 3, "\\100"))", .unsupported,
      says: "incompatible 0x40000000"),
    HostileImage(
      "a name with a slash",
      script: """
        rm fs; touch root/etc/a1slash; mke2fs -q -t ext4 -O ^metadata_csum -d root disk.img 16M
        sed -i 's/a1slash/a\\/slash/' disk.img
        """, .damaged, says: "illegal characters"),
    HostileImage(
      "a directory that is in itself", commands: ["cd /root", "ln <2> up"], .damaged,
      says: "is not sound"),
    HostileImage(
      "another file system",
      script: "head -c 1M /dev/zero >disk.img; \(poke(0, "hsqs"))", .noRoot,
      says: "the whole disk: SquashFS"),
    HostileImage(
      "nothing at all", script: ": >disk.img", .noRoot, says: "no file system was found"),
    HostileImage(
      "no root file system", tree: "rm -r etc", .noRoot, says: "has no /etc"),
    HostileImage("VMDK", script: "printf KDMV >disk.img", .notAnImage, says: "a VMDK image"),
  ]

  static func into(_ offset: Int) -> String {
    "dd of=disk.img bs=1 seek=\(offset) conv=notrunc status=none"
  }

  static func poke(_ offset: Int, _ bytes: String, _ times: Int = 1) -> String {
    "for i in $(seq \(times)); do printf '\(bytes)'; done | \(into(offset))"
  }
}

@Suite("Images that mean no good")
struct HostileImageTests {
  @Test(
    "are refused with a sentence, and nothing changes in them or on the host",
    arguments: HostileImage.paths + HostileImage.kinds + HostileImage.structures
      + HostileImage.tables + HostileImage.containers)
  func refused(_ hostile: HostileImage) async throws {
    let image = try await TestImage(
      hostile.file, tree: hostile.tree, script: "echo host >canary; \(hostile.script)")
    defer { image.remove() }
    for command in hostile.commands { try await image.debugfs(command) }
    try image.apply(hostile.patches)
    try await image.sh("rm -f fs")
    let before = try await image.fingerprint()
    for isDry in [true, false] {
      let error = await #expect(throws: DiskImageError.self) {
        try await image.inject(.example(user: hostile.user), isDry: isDry)
      }
      #expect(error?.reason == hostile.reason, "\(error.map(String.init(describing:)) ?? "")")
      #expect(error?.description.contains(hostile.says) == true, "\(error?.description ?? "")")
      #expect(try await image.fingerprint() == before)
    }
  }

  @Test("a file that does not fit is said to, and the image is as it was")
  func full() async throws {
    let image = try await TestImage()
    defer { image.remove() }
    let before = try await image.fingerprint()
    var request = InjectionRequest.example()
    request.files = [.init(path: "/big", content: [UInt8](repeating: 1, count: 20 << 20))]
    let error = await #expect(throws: DiskImageError.self) { try await image.inject(request) }
    #expect(error?.reason == .tooLarge)
    #expect(error?.description.contains("is full") == true)
    #expect(try await image.fingerprint() == before)
  }

  @Test("no inode left is said to, and the image is as it was")
  func noInodes() async throws {
    let image = try await TestImage(
      options: "-t ext4 -N 64", tree: "i=0; while [ $i -lt 32 ]; do : >f$i; i=$((i+1)); done")
    defer { image.remove() }
    try await image.debugfs("set_super_value free_inodes_count 0")
    try await image.sh("e2fsck -fy disk.img || true")
    let before = try await image.fingerprint()
    var request = InjectionRequest.example()
    request.files = (0..<64).map { .init(path: "/new/\($0)", content: [1]) }
    let error = await #expect(throws: DiskImageError.self) { try await image.inject(request) }
    #expect(error?.reason == .tooLarge, "\(error?.description ?? "")")
    #expect(try await image.fingerprint() == before)
  }

  @Test("names with line breaks, quotes and odd bytes beside ours do no harm")
  func oddNames() async throws {
    let image = try await TestImage(
      tree: """
        cd etc; touch "$(printf 'a\\nb')" "$(printf 'x\\n')y" '"' '<2>' "$(printf '\\377\\376')"
        cd ..
        """)
    defer { image.remove() }
    #expect(try await image.inject().wasWritten)
    try await image.sh("e2fsck -fn disk.img")
  }

  @Test("an image that QEMU has open is refused, and taken once it is closed")
  func inUse() async throws {
    let image = try await TestImage()
    defer { image.remove() }
    let qemu = "qemu-nbd --fork -f raw --pid-file=pid -k \"$PWD/socket\" disk.img; "
    try await image.sh(qemu)
    let before = try await image.fingerprint()
    let error = await #expect(throws: DiskImageError.self) { try await image.inject() }
    #expect(error?.reason == .inUse, "\(error?.description ?? "")")
    #expect(try await image.fingerprint() == before)
    try await image.sh("p=$(cat pid); kill $p; while kill -0 $p 2>/dev/null; do :; done")
    #expect(try await image.inject().wasWritten)
  }

  @Test("QEMU and a second injection are kept out while an image is written to")
  func locked() async throws {
    let image = try await TestImage()
    defer { image.remove() }
    let other = try ImageFile(image.path)
    try other.lock()
    let error = await #expect(throws: DiskImageError.self) { try await image.inject() }
    #expect(error?.reason == .inUse)
    let qemu = try await image.sh("qemu-io -f raw disk.img -c 'write 0 512' 2>&1 || true")
    #expect(qemu.contains("lock"))
    withExtendedLifetime(other) {}
  }
}

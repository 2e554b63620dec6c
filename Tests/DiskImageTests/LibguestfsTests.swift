import Foundation
import Inventory
import Testing

@testable import DiskImage

@Suite(
  "Images that libguestfs writes to", .serialized,
  .enabled(
    if: Libguestfs.isThere,
    "needs guestfish, a kernel in /boot that may be read, and mkfs of XFS and Btrfs"))
struct LibguestfsTests {
  @Test("XFS in a partition takes everything, is sound afterwards, and needs no second time")
  func xfs() async throws {
    // The second partition is ext4 and no root; the third is the root.
    let name = "odd, a:b.img"
    let image = try await TestImage(
      name,
      script: """
        mkdir boot; mke2fs -q -t ext4 -d boot bootfs 8M; \(Libguestfs.xfs)
        mv disk.img xfs; truncate -s 340M disk.img
        printf 'label: gpt\\nsize=2048\\nsize=16384\\nstart=20480,size=655360\\n' |
          sfdisk -q disk.img
        dd if=bootfs of=disk.img bs=512 seek=4096 conv=notrunc status=none
        dd if=xfs of=disk.img bs=512 seek=20480 conv=notrunc,sparse status=none
        rm -r boot bootfs xfs; mv disk.img '\(name)'
        """)
    defer { image.remove() }
    let odd = "/opt/a \"b\" \\x41 'c' ü|~"
    var request = InjectionRequest.example(files: [odd: "one"], user: "bob")
    request.files = [
      .init(path: "/opt/key", content: Array(0...255), mode: 0o4750, owner: "bob")
    ]
    let before = try await image.fingerprint()
    let dry = try await image.inject(request, isDry: true)
    #expect(try await image.fingerprint() == before)
    let report = try await image.inject(request)
    #expect(report.wasWritten)
    #expect(report.changes == dry.changes)
    #expect(report.place == "partition 3, xfs")
    #expect(try await image.sh("ls -A") == "\(name)\n")

    try await image.sh("mv '\(name)' disk.img")
    try await image.guestfish("mount-ro /dev/sda3 /\ntar-out / \(image.folder)/out.tar")
    let guest = try await image.unpack()
    #expect(try guest.text("/etc/hostname") == "web-1\n")
    #expect(guest.facts("/home/bob/.ssh") == "drwx------ 1000/1001")
    #expect(guest.facts("/home/bob/.ssh/authorized_keys") == "-rw------- 1000/1001")
    #expect(try guest.text("/home/bob/.ssh/authorized_keys").contains(InjectionRequest.key))
    #expect(guest.facts("/opt/key") == "-rwsr-x--- 1000/1001")
    #expect(try guest.bytes("/opt/key") == Array(0...255))
    #expect(guest.facts("/opt") == "drwxr-xr-x 0/0")
    #expect(try guest.text(odd) == "one")
    #expect(
      try guest.text("/etc/network/interfaces").contains("address 10.20.0.5/24"))
    #expect(guest.facts("/etc/shadow") == "-rw------- 0/0")
    #expect(try guest.text("/var/log/log.3") == "line 3\n")
    try await image.sh(
      """
      dd if=disk.img of=xfs bs=512 skip=20480 count=655360 conv=sparse status=none
      xfs_repair -n xfs 2>/dev/null; rm -rf xfs out out.tar; mv disk.img '\(name)'
      """)
    #expect(try await image.inject(request).changes.isEmpty)
  }

  @Test("the root subvolume of Btrfs in a qcow2 image is found, and new files get labels")
  func btrfs() async throws {
    let image = try await TestImage("disk.qcow2", script: Libguestfs.btrfs)
    defer { image.remove() }
    try await image.guestfish(
      """
      mount /dev/sda /
      btrfs-subvolume-create /@
      mkdir /root/etc
      cp-a /etc /@/etc
      cp-a /root /@/root
      cp-a /usr /@/usr
      rm-rf /etc
      setxattr security.selinux system_u:object_r:etc_t:s0 26 /@/etc
      setxattr security.selinux system_u:object_r:admin_home_t:s0 33 /@/root
      setxattr user.x "a" 1 /@/etc/hostname
      """, options: "")
    try await image.sh("qemu-img convert -O qcow2 disk.img disk.qcow2; rm disk.img")
    let report = try await image.inject(.example())
    #expect(report.place == "the whole disk, btrfs")
    try await image.sh("qemu-img check -q disk.qcow2; qemu-img convert disk.qcow2 disk.img")
    let found = try await image.guestfish(
      """
      mount-options subvol=@,ro /dev/sda /
      cat /etc/hostname
      getxattr /etc/hostname security.selinux
      echo ""
      getxattr /root/.ssh security.selinux
      echo ""
      getxattr /root/.ssh/authorized_keys security.selinux
      echo ""
      getxattr /etc/hostname user.x
      echo ""
      umount-all
      btrfs-fsck /dev/sda
      """)
    #expect(
      found.split(separator: "\n") == [
        "web-1", "system_u:object_r:hostname_etc_t:s0", "system_u:object_r:ssh_home_t:s0",
        "system_u:object_r:ssh_home_t:s0", "a",
      ], "\(found)")
  }

  @Test("ext4 in a logical volume is found among others, and is sound afterwards")
  func logicalVolume() async throws {
    let image = try await TestImage(
      script: "rm fs; tar -C root -cf root.tar .; truncate -s 96M disk.img")
    defer { image.remove() }
    try await image.guestfish(
      """
      part-disk /dev/sda gpt
      pvcreate /dev/sda1
      vgcreate vg /dev/sda1
      lvcreate swap vg 8
      lvcreate root vg 64
      mkswap /dev/vg/swap
      mkfs ext4 /dev/vg/root
      mount /dev/vg/root /
      tar-in \(image.folder)/root.tar /
      """, options: "")
    let report = try await image.inject()
    #expect(report.place == "logical volume /dev/vg/root, ext4")
    let found = try await image.guestfish(
      """
      e2fsck-f /dev/vg/root
      mount-ro /dev/vg/root /
      cat /etc/hostname
      """)
    #expect(found == "web-1\n\n")
  }

  // MARK: Images that mean no good

  @Test("no link is followed, and what is no plain file is refused, as with ext4")
  func paths() async throws {
    let image = try await TestImage(
      tree: """
        mkdir etc/out etc/plain; ln -s /etc/shadow etc/out/link; ln -s loop etc/out/loop
        ln -s / etc/up; ln -s ../../../../../.. etc/far; ln etc/shadow etc/plain/two
        mkfifo etc/plain/pipe; echo 1 >etc/plain/locked; truncate -s 3G etc/plain/big
        """, script: Libguestfs.btrfs)
    defer { image.remove() }
    try await image.guestfish(
      """
      mount /dev/sda /
      set-e2attrs /etc/plain/locked i
      """, options: "")
    let workspace = try ImageWorkspace(for: try ImageFile(image.path), isDry: true)
    defer { workspace.remove() }
    try workspace.link("image", to: image.path)
    let cases: [(path: String, says: String)] = [
      ("/etc/out/link", "/etc/out/link of the image is a symbolic link, not a plain file"),
      ("/etc/out/link/x", "/etc/out/link of the image is a symbolic link, not a directory"),
      ("/etc/out/loop", "is a symbolic link"), ("/etc/up/etc/passwd", "/etc/up of the image"),
      ("/etc/far/etc/passwd", "/etc/far of the image is a symbolic link, not a directory"),
      ("/etc/plain", "is a directory, not a plain file"), ("/etc/plain/two", "has 2 names"),
      ("/etc/plain/pipe", "is a device, pipe or socket"), ("/etc/plain/locked", "is immutable"),
      ("/etc/hostname/x", "is a file, not a directory"), ("/etc/plain/big", "at most 1000"),
    ]
    let said = try await Guestfish.run(
      on: "image", isReadOnly: true, in: workspace, environment: Libguestfs.environment,
      willLaunch: {}
    ) { guestfish throws(DiskImageError) in
      let volume = GuestfishVolume(guestfish, device: "/dev/sda", kind: .btrfs, at: "it")
      try await volume.open()
      let tree = GuestTree(volume)
      var said: [String] = []
      for (path, _) in cases {
        do throws(DiskImageError) {
          _ = try await tree.read(try GuestPath(path, "it"), limit: 1000)
          said.append("nothing")
        } catch { said.append(error.description) }
      }
      let passwd = try await tree.read(PasswdFile.path, limit: 1000) ?? []
      said.append(String(decoding: passwd.prefix(6), as: UTF8.self))
      said.append(try await tree.names(in: GuestPath(["etc", "out"])).joined(separator: " "))
      said.append("\(try await tree.find(GuestPath(["etc", "none", "x"])).depth)")
      return said
    }
    let lines = try #require(said)
    for (line, (path, says)) in zip(lines, cases) {
      #expect(line.contains(says), "\(path): \(line)")
    }
    #expect(lines.suffix(3) == ["root:x", "link loop", "1"])
  }

  @Test("a file system that was not unmounted is refused, and the image is as it was")
  func dirty() async throws {
    let image = try await TestImage(script: Libguestfs.xfs)
    defer { image.remove() }
    // As where the guest's power fails.
    _ = try? await image.guestfish(
      """
      mount /dev/sda /
      touch /etc/new
      sync
      !kill -9 $(pgrep -P $PPID qemu)
      ls /
      """, options: "")
    try await expectRefusal(of: image, .inUse, says: "was not unmounted")
  }

  @Test("a structure that lies is refused, and the image is as it was")
  func damaged() async throws {
    let image = try await TestImage(
      script: """
        \(Libguestfs.xfs)
        agi=$(( 2 * 512 )); head -c 300 /dev/urandom |
          dd of=disk.img bs=1 seek=$((agi + 16)) conv=notrunc status=none
        """)
    defer { image.remove() }
    try await expectRefusal(of: image, .damaged, says: "xfs")
  }

  @Test("files that do not fit are said to, and the image is as it was")
  func full() async throws {
    let image = try await TestImage(script: Libguestfs.btrfs)
    defer { image.remove() }
    var request = InjectionRequest.example()
    let content = (0..<(30 << 20)).map { _ in UInt8.random(in: 0...255) }
    request.files = (0..<6).map { .init(path: "/big\($0)", content: content) }
    try await expectRefusal(of: image, with: request, .tooLarge, says: "is full")
  }

  private func expectRefusal(
    of image: TestImage, with request: InjectionRequest = .example(),
    _ reason: DiskImageError.Reason, says: String
  ) async throws {
    let before = try await image.fingerprint()
    let error = await #expect(throws: DiskImageError.self) { try await image.inject(request) }
    #expect(error?.reason == reason, "\(error?.description ?? "")")
    #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
    #expect(try await image.fingerprint() == before)
  }
}

@Suite("What is said to guestfish")
struct GuestfishScriptTests {
  private func change(
    _ action: InjectionChange.Action, _ below: [String], isDirectory: Bool = false,
    label: String? = nil, after: [UInt8]? = nil
  ) -> InjectionChange {
    InjectionChange(
      path: "/x", action: action, isDirectory: isDirectory, mode: 0o4750, uid: 1, gid: 2,
      label: label, purpose: "", before: nil, after: after.map { .init($0) }, isShown: true,
      base: "/a", below: below)
  }

  @Test("each change is commands on its own path, the mode after the owner")
  func commands() throws {
    let script = try GuestfishScript([
      change(.create, ["b"], isDirectory: true),
      change(.create, ["b", "c d"], label: "s:r:t:s0", after: [1, 2]),
      change(.adjust, ["e"]), change(.remove, ["-f"]),
    ])
    #expect(
      script.lines == [
        "mkdir \"/a/b\"", "chown \"1\" \"2\" \"/a/b\"", "chmod \"04750\" \"/a/b\"",
        "upload \"content-0\" \"/a/b/c d\"", "chown \"1\" \"2\" \"/a/b/c d\"",
        "chmod \"04750\" \"/a/b/c d\"",
        "lsetxattr \"security.selinux\" \"s:r:t:s0\" \"8\" \"/a/b/c d\"",
        "chown \"1\" \"2\" \"/a/e\"", "chmod \"04750\" \"/a/e\"", "rm \"/a/-f\"",
      ])
    #expect(script.files.map(\.content) == [[1, 2]])
  }

  @Test("no name becomes a command of its own, or ends its word")
  func quoting() throws {
    let script = try GuestfishScript([change(.remove, ["\" \\x41 |!$(x) '~#\\"])])
    #expect(script.lines == ["rm \"/a/\\\" \\\\x41 |!$(x) '~#\\\\\""])
    for name in ["x\n!touch /stolen", "x\ry", "x\u{0}y"] {
      #expect(throws: DiskImageError.self) { try GuestfishScript([change(.remove, [name])]) }
    }
    // What is beyond its buffer would be a line of its own.
    let long = Array(repeating: String(repeating: "\"", count: 250), count: 16)
    #expect(throws: DiskImageError.self) { try GuestfishScript([change(.remove, long)]) }
  }
}

import DiskImage
import Foundation
import Inventory
import Testing

/// A way to keep a root file system in an image.
struct Layout: Sendable, CustomTestStringConvertible {
  let testDescription: String
  var options = "-t ext4"
  var file = "disk.img"
  /// Makes `file` of `fs`.
  var script = "mv fs disk.img"
  /// Where e2fsprogs' tools find it afterwards, once `look` has run.
  var place = "disk.img"
  var look = ""

  private static func partitioned(_ table: String, number: Int = 1, start: Int = 2048) -> Layout {
    Layout(
      testDescription: "\(table), partition \(number)",
      script: """
        truncate -s 40M disk.img; sfdisk -q disk.img <<'END'
        \(table)
        END
        dd if=fs of=disk.img bs=512 seek=\(start) conv=notrunc status=none; rm fs
        """,
      place: "disk.img?offset=\(start * 512)")
  }

  static let all: [Layout] = [
    Layout(testDescription: "ext2", options: "-t ext2"),
    Layout(testDescription: "ext3", options: "-t ext3"),
    Layout(testDescription: "ext4"),
    Layout(testDescription: "ext4, blocks of 4096", options: "-t ext4 -b 4096"),
    Layout(
      testDescription: "ext4, inline data and an orphan file",
      options: "-t ext4 -O inline_data,orphan_file"),
    Layout(
      testDescription: "ext4, big clusters, no checksums",
      options: "-t ext4 -O bigalloc,^metadata_csum -C 8192"),
    partitioned("label: gpt\nstart=2048, size=32768"),
    partitioned("label: gpt\nstart=2048,size=2048,type=U\nstart=4096", number: 2, start: 4096),
    partitioned("label: dos\nstart=2048, size=32768, type=83"),
    partitioned(
      "label: dos\nstart=2048,size=2048,type=c\nstart=4096,type=5\nstart=6144,size=32768,type=83",
      number: 5, start: 6144),
    qcow2(""), qcow2("-c -o compression_type=zlib"), qcow2("-o compat=0.10"),
    qcow2("-o extended_l2=on,cluster_size=128k"),
  ]

  private static func qcow2(_ options: String) -> Layout {
    Layout(
      testDescription: "qcow2 \(options)", file: "disk.qcow2",
      script: """
        truncate -s 20M disk.img; dd if=fs of=disk.img conv=notrunc status=none
        qemu-img convert -O qcow2 \(options) disk.img disk.qcow2; rm fs disk.img
        """,
      look: "qemu-img check -q disk.qcow2; qemu-img convert -O raw disk.qcow2 disk.img")
  }
}

@Suite("Injection into images")
struct InjectionTests {
  @Test(
    "each layout takes everything, is sound afterwards, and keeps all else", arguments: Layout.all)
  func layouts(_ layout: Layout) async throws {
    let image = try await TestImage(layout.file, options: layout.options, script: layout.script)
    defer { image.remove() }
    let listing = """
      rm -rf out; mkdir out; \(layout.look)
      debugfs -R 'rdump / out' '\(layout.place)' >/dev/null 2>&1; cd out
      rm -f etc/hostname etc/network/interfaces
      find . -type f | grep -v -e '^./root/.ssh' -e '^./opt' | sort | xargs sha256sum
      cd ..; rm -rf out
      """
    let others = try await image.sh(listing)
    #expect(others.contains("./var/log/log.3"))

    var request = InjectionRequest.example(files: ["/opt/app/a \"b\" <2> ü": "one"])
    request.files = [
      InjectionRequest.LocalFile(
        path: "/opt/app/key", content: Array(0...255), mode: 0o640, owner: "bob")
    ]
    let report = try await image.inject(request)
    #expect(report.wasWritten)
    #expect(try await image.sh(listing) == others)
    try await image.sh("e2fsck -fn '\(layout.place)'")
    let place = layout.place
    #expect(try await image.text("/etc/hostname", of: place) == "web-1\n")
    #expect(
      try await image.text("/etc/network/interfaces", of: place).contains(
        "auto mac/fa:16:3e:9c:bf:3d=eth0\niface eth0 inet static\n    address 10.20.0.5/24\n"))
    #expect(
      try await image.text("/root/.ssh/authorized_keys", of: place).contains(InjectionRequest.key))
    #expect(try await image.facts("/root/.ssh", of: place) == "0700 0 0")
    #expect(try await image.facts("/root/.ssh/authorized_keys", of: place) == "0600 0 0")
    #expect(try await image.facts("/opt/app/key", of: place) == "0640 1000 1001")
    let odd = try await image.sh(
      "debugfs -R 'cat \"/opt/app/a \"\"b\"\" <2> ü\"' '\(place)' 2>/dev/null | tr -d '\\0'")
    #expect(odd == "one")
    let bytes = try await image.sh(
      "debugfs -R 'cat /opt/app/key' '\(place)' 2>/dev/null | od -An -tu1 | xargs")
    #expect(bytes == (0...255).map(String.init).joined(separator: " ") + "\n")

    let again = try await image.inject(request)
    #expect(again.changes.isEmpty)
    #expect(!again.wasWritten)
  }

  @Test("keys go to a user of the image, with its uid, gid and home, beside those that are there")
  func user() async throws {
    let image = try await TestImage(
      tree: """
        mkdir home/bob/.ssh; chmod 777 home/bob/.ssh
        printf 'ssh-rsa AAAAold carol\\n' >home/bob/.ssh/authorized_keys
        """)
    defer { image.remove() }
    _ = try await image.inject(.example(user: "bob"))
    let path = "/home/bob/.ssh/authorized_keys"
    #expect(try await image.facts("/home/bob/.ssh") == "0700 1000 1001")
    #expect(try await image.facts(path) == "0600 1000 1001")
    let text = try await image.text(path)
    #expect(text.hasPrefix("ssh-rsa AAAAold carol\n# BEGIN nameplate-guest"))
    #expect(text.contains(InjectionRequest.key))
    // A key that is withdrawn goes, and only that.
    _ = try await image.inject(.example(keys: [], user: "bob"))
    #expect(try await image.text(path) == "ssh-rsa AAAAold carol\n")
  }

  @Test(
    "the network is written for what the image has",
    arguments: [
      ("touch usr/sbin/netplan", "/etc/netplan/60-nameplate.yaml", "macaddress"),
      ("", "/etc/network/interfaces", "iface eth0 inet static"),
      (
        "rm usr/sbin/ifup; mkdir -p usr/lib/systemd; touch usr/lib/systemd/systemd-networkd",
        "/etc/systemd/network/10-nameplate-0.network", "Address=10.20.0.5/24"
      ),
    ])
  func networking(tree: String, path: String, part: String) async throws {
    let image = try await TestImage(tree: tree)
    defer { image.remove() }
    _ = try await image.inject()
    #expect(try await image.text(path).contains(part))
  }

  @Test("an image without any of them keeps its network and says so")
  func noNetworking() async throws {
    let image = try await TestImage(tree: "rm usr/sbin/ifup")
    defer { image.remove() }
    let report = try await image.inject()
    #expect(report.notes.contains { $0.contains("the network is as it was") })
    #expect(try await image.text("/etc/network/interfaces") == "auto lo\n")
  }

  @Test("a card that the record no longer has loses its file for systemd-networkd")
  func staleNetworkFile() async throws {
    let folder = "/etc/systemd/network"
    let image = try await TestImage(
      tree: "touch .\(folder)/10-nameplate-7.network .\(folder)/10-nameplate-x.network")
    defer { image.remove() }
    var request = InjectionRequest.example()
    request.networking = .fixed(.networkd)
    _ = try await image.inject(request)
    let names = try await image.debugfs("ls -p \(folder)")
    #expect(names.contains("10-nameplate-0.network"))
    #expect(!names.contains("10-nameplate-7.network"))
    #expect(names.contains("10-nameplate-x.network"))
  }

  @Test("names of every script and of 255 bytes survive, with their labels")
  func oddNames() async throws {
    let names = [
      "näme 🚀.txt", String(repeating: "字", count: 85), "-rf", " a'\\$;`\"b ", "#x", "<2>",
      ".hidden",
    ]
    let image = try await TestImage()
    defer { image.remove() }
    try await image.debugfs(
      "ea_set /etc security.selinux system_u:object_r:etc_t:s0",
      "ea_set / security.selinux system_u:object_r:root_t:s0")
    var request = InjectionRequest.example()
    request.files = names.map { .init(path: "/opt/\($0)/\($0)", content: Array($0.utf8)) }
    #expect(try await image.inject(request).wasWritten)
    try await image.sh("e2fsck -fn disk.img; mkdir out; debugfs -R 'rdump /opt out' disk.img")
    for name in names {
      let path = "\(image.folder)/out/opt/\(name)/\(name)"
      #expect(try String(contentsOfFile: path, encoding: .utf8) == name, "\(name)")
    }
    let label = try await image.sh("debugfs -R 'ea_get /opt/-rf/-rf security.selinux' disk.img")
    #expect(label.contains("system_u:object_r:root_t:s0"), "\(label)")
    #expect(try await image.inject(request).changes.isEmpty)
  }

  @Test("root gets the record's password where that is asked for, and keeps it the next time")
  func password() async throws {
    let image = try await TestImage(
      tree: "printf 'root:!:1:0:99999:7:::\\nbob:*:2::::::\\n' >etc/shadow; chmod 640 etc/shadow")
    defer { image.remove() }
    var request = InjectionRequest.example(password: "S3cret $x")
    #expect(try await image.inject(request).changes.allSatisfy { $0.path != "/etc/shadow" })
    request.setsPassword = true
    let change = try #require(try await image.inject(request).changes.first)
    #expect(change.path == "/etc/shadow" && change.action == .replace && !change.isShown)
    let lines = try await image.text("/etc/shadow").split(separator: "\n")
    #expect(lines.count == 2 && lines[1] == "bob:*:2::::::")
    let fields = lines[0].split(separator: ":", omittingEmptySubsequences: false)
    #expect(fields[0] == "root" && fields[2...] == ["1", "0", "99999", "7", "", "", ""])
    let salt = fields[1].split(separator: "$")[1]
    let hash = try await image.sh("echo 'S3cret $x' | openssl passwd -6 -salt '\(salt)' -stdin")
    #expect(hash == "\(fields[1])\n")
    #expect(try await image.facts("/etc/shadow") == "0640 0 0")
    #expect(try await image.inject(request).changes.isEmpty)
  }

  @Test("a labelled image gets labels, and one is asked to label itself where that is wanted")
  func selinux() async throws {
    let image = try await TestImage()
    defer { image.remove() }
    try await image.debugfs(
      "ea_set / security.selinux system_u:object_r:root_t:s0",
      "ea_set /etc security.selinux system_u:object_r:etc_t:s0",
      "ea_set /root security.selinux system_u:object_r:admin_home_t:s0")
    _ = try await image.inject(.example(files: ["/etc/app/x": "1"]))
    for (path, type) in [
      ("/root/.ssh", "ssh_home_t"), ("/root/.ssh/authorized_keys", "ssh_home_t"),
      ("/etc/hostname", "hostname_etc_t"), ("/etc/app", "etc_t"), ("/etc/app/x", "etc_t"),
    ] {
      let label = try await image.debugfs("ea_get -V \(path) security.selinux")
      #expect(label.contains("system_u:object_r:\(type):s0"), "\(path)")
    }
    var request = InjectionRequest.example(hostname: "web-2")
    request.selinux = .autorelabel
    let report = try await image.inject(request)
    #expect(report.changes.contains { $0.path == "/.autorelabel" })
  }

  @Test("a dry run says what it would do, and nothing is written, not even beside the image")
  func dryRun() async throws {
    let image = try await TestImage()
    defer { image.remove() }
    let before = try await image.fingerprint()
    let report = try await image.inject(isDry: true)
    #expect(report.changes.map(\.path).contains("/root/.ssh/authorized_keys"))
    #expect(!report.wasWritten)
    #expect(try await image.fingerprint() == before)
  }

  @Test("mode, owner and extended attributes of the image file stay as they were")
  func imageFile() async throws {
    let image = try await TestImage(script: "mv fs disk.img; chmod 640 disk.img")
    defer { image.remove() }
    if geteuid() == 0 { try await image.sh("chown 12:34 disk.img") }
    let before = try await image.sh("stat -c '%a %u %g %s' disk.img")
    _ = try await image.inject()
    #expect(try await image.sh("stat -c '%a %u %g %s' disk.img") == before)
    #expect(try await image.sh("ls -A") == "disk.img\n")
  }

  @Test("an odd name of the image reaches no tool")
  func oddName() async throws {
    let name = "-f a?offset=1 \"b\" $(c).img"
    let image = try await TestImage(name, script: "mv fs ./'\(name)'")
    defer { image.remove() }
    #expect(try await image.inject().wasWritten)
    try await image.sh("mv -- '\(name)' disk.img; e2fsck -fn disk.img")
  }
}

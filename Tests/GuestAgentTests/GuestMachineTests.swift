import Foundation
import TestKit
import Testing

@testable import GuestAgent

@Suite("The program in a guest", .enabled(if: isRoot, "namespaces need root"))
struct GuestMachineTests {
  static let a = ExampleKeys.ed25519
  static let b = ExampleKeys.rsa

  @Test("root and another user get the keys of the real daemon, the machine its name and user data")
  func boots() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a, Self.b]))
    try FileManager.default.createDirectory(
      atPath: "\(machine.folder)/root/.ssh", withIntermediateDirectories: true)
    try machine.write("# mine", to: "root/.ssh/authorized_keys")
    let output = try await machine.agent(
      "--user", "root", "--user", "alice", "--timeout", "0", "--no-drive",
      with: "trap 'hostname >&2' EXIT;")
    #expect(output.status == 0, "\(output.error)")
    let block = AuthorizedKeysTests.block(Self.a, Self.b)
    #expect(machine.text("root/.ssh/authorized_keys") == "# mine\n\(block)")
    #expect(machine.text("home/alice/.ssh/authorized_keys") == block)
    #expect(try machine.status("root/.ssh") == "700 0 0")
    #expect(try machine.status("root/.ssh/authorized_keys") == "600 0 0")
    #expect(try machine.status("home/alice/.ssh") == "700 1234 1234")
    #expect(try machine.status("home/alice/.ssh/authorized_keys") == "600 1234 1234")
    #expect(machine.text("etc/hostname") == "web-1\n")
    #expect(output.error.hasSuffix("web-1\n"), "the kernel's name is set")
    #expect(machine.text("lib/nameplate-guest/user-data") == "hello")
    #expect(try machine.status("lib/nameplate-guest/user-data") == "600 0 0")
    let node = try sh("stat -c %i \(machine.folder)/root/.ssh/authorized_keys")
    let again = try await machine.agent(
      "--user", "root", "--user", "alice", "--timeout", "0", "--no-drive", before: "hostname web-1")
    #expect(again.status == 0 && again.error == "" && again.out == "")
    #expect(try sh("stat -c %i \(machine.folder)/root/.ssh/authorized_keys") == node)
  }

  @Test("where the instance requires session tokens, the machine gets its keys with one")
  func tokens() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(
      GuestMachine.manifest(
        keys: [Self.a], more: "metadataOptions: {httpTokens: required, httpTokensScope: all}"))
    let curl = try await ChildProcess.run([
      "ip", "netns", "exec", machine.guest, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
      "http://169.254.169.254/openstack/latest/meta_data.json",
    ])
    #expect(curl.out == "401")
    let output = try await machine.agent("--timeout", "0", "--no-drive")
    #expect(output.status == 0, "\(output.error)")
    #expect(machine.text("root/.ssh/authorized_keys") == AuthorizedKeysTests.block(Self.a))
  }

  @Test(
    "a guest with IPv6 alone finds the service at its link's address, and at AWS'",
    arguments: ["fe80::a9fe:a9fe/64", "fd00:ec2::254/128"])
  func ipv6(address: String) async throws {
    let machine = try GuestMachine(
      network: """
        \(GuestMachine.link)
        ip -n $R link set $V name eth9; ip -n $R link set eth9 up; ip -n $G link set eth0 up
        ip -n $R address add \(address) dev eth9 nodad
        ip -n $R address add fd00:20::1/64 dev eth9 nodad
        ip -n $G address add fd00:20::5/64 dev eth0 nodad
        ip -n $G route add default via fd00:20::1
        """)
    defer { machine.remove() }
    let bare = String(address.split(separator: "/")[0])
    let device = bare.hasPrefix("fe80") ? ", device: eth9" : ""
    try await machine.serve(
      GuestMachine.manifest(keys: [Self.a]),
      listeners: "listeners: [{address: \"\(bare)\", port: 80\(device)}]")
    let output = try await machine.agent("--no-drive", "--timeout", "30")
    #expect(output.status == 0, "\(output.error)")
    #expect(machine.text("root/.ssh/authorized_keys") == AuthorizedKeysTests.block(Self.a))
    #expect(output.error.contains("from the service at [\(bare)"))
  }

  @Test("an interface that leads nowhere does not keep the machine from its keys")
  func twoInterfaces() async throws {
    let machine = try GuestMachine(
      network: """
        ip link add aaa0 netns $G type veth peer name aaa1 netns $R
        ip -n $R link set aaa1 up; ip -n $G link set aaa0 up
        ip -n $G address add 10.99.0.2/24 dev aaa0
        ip -n $G route add 169.254.169.254/32 dev aaa0
        \(GuestMachine.link)
        ip -n $R link set $V name eth9; ip -n $R link set eth9 up; ip -n $G link set eth0 up
        ip -n $R address add fe80::a9fe:a9fe/64 dev eth9 nodad
        """)
    defer { machine.remove() }
    try await machine.serve(
      GuestMachine.manifest(keys: [Self.a]),
      listeners: "listeners: [{address: \"fe80::a9fe:a9fe\", port: 80, device: eth9}]")
    let output = try await machine.agent("--no-drive", "--timeout", "30")
    #expect(output.status == 0, "\(output.error)")
    #expect(output.error.contains("from the service at [fe80::a9fe:a9fe%eth0]"))
    // An operator can say which one it is.
    let other = try await machine.agent(
      "--no-drive", "--timeout", "0", "--interface", "aaa0", "--state-directory", "/root/s")
    #expect(other.status == 3, "\(other.error)")
  }

  @Test(
    "with --watch a key that comes or goes at the service does so here, long before the next look",
    .timeLimit(.minutes(5)))
  func watch() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a]))
    let agent = try LoggedProcess(
      machine.agentWords(["--no-drive", "--user", "alice", "--watch", "--interval", "3600"]))
    defer { agent.end() }
    let file = "home/alice/.ssh/authorized_keys"
    #expect(await agent.log(has: "alice has 1 of its keys"))
    try await machine.apply(GuestMachine.manifest(keys: [Self.a, Self.b]))
    #expect(await agent.log(has: "alice has 2 of its keys"))
    #expect(machine.text(file) == AuthorizedKeysTests.block(Self.a, Self.b))
    try await machine.apply(GuestMachine.manifest(keys: [Self.b]))
    #expect(await agent.log(has: "alice has 1 of its keys", times: 2))
    #expect(machine.text(file) == AuthorizedKeysTests.block(Self.b))
  }

  /// What is amiss, a script that makes it so, and a word of what is said.
  static let amiss: [(String, String, String)] = [
    ("bob", "", "there is no user bob: make it, or name another one with --user"),
    ("ghost", "", "ghost has no home to put keys into: cannot open /home/ghost: No such file"),
    ("alice", "ln -s /root/.ssh /home/alice/.ssh", "is a link or no directory"),
    (
      "alice",
      """
      mkdir -m 0700 /home/alice/.ssh; ln -s /etc/shadow /home/alice/.ssh/authorized_keys
      chown -h alice /home/alice/.ssh /home/alice/.ssh/authorized_keys
      """,
      "is a link, and is not followed"
    ),
    ("alice", "rmdir /home/alice; ln -s /root /home/alice", "Permission denied"),
    ("alice", "mount -t tmpfs -o ro none /home/alice", "Read-only file system"),
    (
      "alice",
      """
      mount -t tmpfs -o size=64k none /home/alice; chown alice /home/alice
      dd if=/dev/zero of=/home/alice/fill bs=4k 2>/dev/null || :
      """, "No space left on device"
    ),
  ]

  @Test(
    "what stands in the way of one user is told, and the others get their keys", arguments: amiss)
  func inTheWay(user: String, script: String, reason: String) async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a]))
    let shadow = machine.text("etc/shadow")
    let output = try await machine.agent(
      "--no-drive", "--user", user, "--user", "root", "--timeout", "0", before: script)
    #expect(output.status == 1)
    #expect(output.error.contains("keys of \(user): "), "\(output.error)")
    #expect(output.error.contains(reason), "\(output.error)")
    #expect(machine.text("root/.ssh/authorized_keys") == AuthorizedKeysTests.block(Self.a))
    #expect(try sh("ls -A \(machine.folder)/root/.ssh") == "authorized_keys\n")
    #expect(machine.text("etc/shadow") == shadow)
  }

  @Test("a full disk leaves the file as it was, and nothing beside it")
  func fullDisk() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a]))
    let output = try await machine.agent(
      "--no-drive", "--user", "alice", "--timeout", "0",
      before: """
        mount -t tmpfs -o size=64k none /home/alice; mkdir -m 700 /home/alice/.ssh
        echo old > /home/alice/.ssh/authorized_keys; chown -R alice /home/alice
        dd if=/dev/zero of=/home/alice/fill bs=4k 2>/dev/null || :
        trap 'cat /home/alice/.ssh/authorized_keys; ls -A /home/alice/.ssh' EXIT
        """, with: "")
    #expect(output.status == 1 && output.error.contains("No space left on device"))
    #expect(output.out == "old\nauthorized_keys\n")
  }

  @Test("agents at once take turns: every key is there once, and nothing else changed")
  func atOnce() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a, Self.b]))
    try FileManager.default.createDirectory(
      atPath: "\(machine.folder)/root/.ssh", withIntermediateDirectories: true)
    try machine.write(AuthorizedKeysTests.foreign, to: "root/.ssh/authorized_keys")
    try await withThrowingTaskGroup(of: Int32.self) { group in
      for _ in 0..<6 {
        let words = machine.agentWords(["--no-drive", "--timeout", "20"])
        group.addTask { try await ChildProcess.run(words).status }
      }
      for try await status in group { #expect(status == 0) }
    }
    #expect(
      machine.text("root/.ssh/authorized_keys")
        == AuthorizedKeysTests.foreign + "\n" + AuthorizedKeysTests.block(Self.a, Self.b))
    #expect(try sh("ls -A \(machine.folder)/root/.ssh") == "authorized_keys\n")
  }

  @Test("a new password reaches the operator encrypted, and it is the one that the guest has")
  func password() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try sh("ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -C owner -f \(machine.folder)/owner")
    let key = try #require(machine.text("owner.pub")).trimmingCharacters(in: .newlines)
    try await machine.serve(GuestMachine.manifest(keys: [Self.a, key]))
    let options = ["--no-drive", "--user", "alice", "--password", "--timeout", "0"]
    let output = try await ChildProcess.run(machine.agentWords(options))
    #expect(output.status == 0, "\(output.error)")
    let posted = try await machine.nameplate("instance", "password", "show", Script.uuid)
    try machine.write(posted.out, to: "posted")
    // As novaclient does it.
    let password = try sh(
      "base64 -d \(machine.folder)/posted | openssl rsautl -decrypt -inkey \(machine.folder)/owner 2>/dev/null"
    )
    #expect(password.utf8.count == 20)
    let line = try #require(
      machine.text("etc/shadow")?.split(separator: "\n").first { $0.hasPrefix("alice:") })
    let hash = String(line.split(separator: ":")[1])
    #expect(Self.crypt(password, hash) == hash)
    #expect(!output.error.contains(password))
    #expect(try sh("ls -A \(machine.folder)/lib/nameplate-guest") == "lock\nuser-data\n")
    // It can be set once: a second run changes nothing.
    let again = try await ChildProcess.run(machine.agentWords(options, before: "hostname web-1"))
    #expect(again.status == 0 && again.error == "", "\(again.error)")
  }

  /// What login makes of a password with the salt of a hash; a library's function that Swift's module
  /// of the C library leaves out.
  private static func crypt(_ password: String, _ salt: String) -> String {
    typealias Crypt =
      @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>)
      -> UnsafePointer<CChar>?
    let library = unsafe dlopen("libcrypt.so.1", RTLD_NOW)
    guard let symbol = unsafe dlsym(library, "crypt") else { return "there is no crypt" }
    let crypt = unsafe unsafeBitCast(symbol, to: Crypt.self)
    guard let hash = unsafe crypt(password, salt) else { return "crypt fails" }
    return unsafe String(cString: hash)
  }

  @Test("the capabilities of the systemd unit are enough for all that it does")
  func capabilities() async throws {
    let unit = try String(contentsOfFile: "examples/guest/nameplate-guest.service", encoding: .utf8)
    let line = try #require(
      unit.split(separator: "\n").first { $0.hasPrefix("CapabilityBoundingSet=") })
    let capabilities = line.split(separator: "=")[1].lowercased().split(separator: " ")
      .map { "+" + $0.dropFirst("cap_".count) }
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a, Self.b]))
    let output = try await machine.agent(
      "--no-drive", "--user", "alice", "--password", "--timeout", "0",
      with: "exec setpriv --no-new-privs --bounding-set -all,\(capabilities.joined(separator: ","))"
    )
    #expect(output.status == 0, "\(output.error)")
    #expect(try machine.status("home/alice/.ssh/authorized_keys") == "600 1234 1234")
    #expect(machine.text("etc/hostname") == "web-1\n")
    #expect(machine.text("etc/shadow")?.contains("alice:$") == true)
  }

  @Test("SELinux's labels are set after a write, where it is on")
  func labels() async throws {
    let machine = try GuestMachine()
    defer { machine.remove() }
    try await machine.serve(GuestMachine.manifest(keys: [Self.a]))
    let output = try await machine.agent(
      "--no-drive", "--user", "alice", "--timeout", "0",
      before: """
        mkdir -p $F/sys/fs/selinux $F/sbin; touch $F/sys/fs/selinux/enforce
        printf '#!/bin/sh\\necho "$@" >> \(machine.folder)/relabelled\\n' > $F/sbin/restorecon
        chmod +x $F/sbin/restorecon; mount --bind $F/sys /sys
        mount -t overlay -o lowerdir=$F/sbin:/usr/sbin none /usr/sbin
        """)
    #expect(output.status == 0, "\(output.error)")
    #expect(machine.text("relabelled") == "-R /home/alice/.ssh\n-R /etc/hostname\n")
  }

  @Test("a mistake in the command line is one, and help has examples")
  func usage() async throws {
    let machine = try GuestMachine(network: "")
    defer { machine.remove() }
    for options in [
      ["--interval", "0"], ["--endpoint", "metadata"], ["--timeout", "-1"], ["--nonsense"],
      ["--state-directory", "relative"],
    ] {
      let output = try await ChildProcess.run(machine.agentWords(options))
      #expect(output.status == 2 && output.error.contains("Error: "), "\(options)")
    }
    let help = try await machine.agent("--help")
    #expect(help.status == 0 && help.out.contains("nameplate-guest --user debian --watch"))
    let nobody = try await machine.agent("--timeout", "0", "--no-drive")
    #expect(nobody.status == 3)
    #expect(nobody.error.contains("169.254.169.254: Network is unreachable; "))
  }
}

import Foundation
import TestKit
import Testing

@Suite("libvirt's hook")
struct LibvirtHookTests {
  static let uuid = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"

  static func domain(_ ours: String?, name: String = "Web_1") -> String {
    let element =
      ours.map {
        #"<metadata><n:instance xmlns:n="urn:nameplate:libvirt:1">\#($0)</n:instance></metadata>"#
      } ?? ""
    return """
      <domain type='kvm'><name>\(name)</name><uuid>\(uuid)</uuid>\(element)<devices>
        <interface type='network'><mac address='52:54:00:AA:BB:01'/><source network='net-a'/>
          <target dev='vnet0'/></interface>
        <interface type='network'><mac address='52:54:00:aa:bb:02'/><source network='other'/></interface>
      </devices></domain>
      """
  }

  private func call(
    _ daemon: DaemonProcess, _ operation: String, _ phase: String, _ xml: String,
    _ flags: [String] = []
  ) async throws -> Program.Output {
    try await Program.run(
      ["libvirt", "hook", "--socket", daemon.socket] + flags + ["web-1", operation, phase, "-"],
      input: xml)
  }

  private func daemon() async throws -> DaemonProcess {
    try await DaemonProcess(
      manifest: "kind: Network\nid: net-a\nsubnets: [{cidr: 192.0.2.0/24}]\n")
  }

  @Test("a domain's instance is there from prepare to release, with what the element leaves out")
  func life() async throws {
    let daemon = try await daemon()
    defer { daemon.stop() }
    let xml = Self.domain(
      """

            tags: {Name: "a &amp; b"}
            userData: |
              #cloud-config
              x: 1
            interfaces:
            - address: 192.0.2.15

      """)
    let prepared = try await call(daemon, "prepare", "begin", xml)
    #expect(prepared.status == 0 && prepared.out == "" && prepared.error == "", "\(prepared)")
    let host = try await Program.tool("uname", "-n").trimmingCharacters(in: .newlines)
    let declared = try await daemon.command("get", "instance", Self.uuid, "--output", "json")
    #expect(
      declared.out == """
        {"kind": "Instance", "id": "\(Self.uuid)", "name": "Web_1", "hostname": "web-1", \
        "host": "\(host)", "userData": "#cloud-config\\nx: 1\\n", "tags": {"Name": "a & b"}, \
        "interfaces": [{"network": "net-a", "mac": "52:54:00:aa:bb:01", "device": "vnet0", \
        "addresses": [{"ip": "192.0.2.15"}]}, {"network": "default", "mac": "52:54:00:aa:bb:02"}]}

        """)
    for (operation, phase) in [("start", "begin"), ("stopped", "end"), ("reconnect", "begin")] {
      #expect(try await call(daemon, operation, phase, xml).status == 0)
      #expect(try await daemon.command("get", "instance", Self.uuid).status == 0)
    }
    #expect(try await call(daemon, "release", "end", xml).status == 0)
    #expect(try await daemon.command("get", "instance", Self.uuid).status == 1)
    #expect(try await call(daemon, "release", "end", xml).status == 0)
  }

  @Test("a domain that has moved away is left to its new host")
  func moved() async throws {
    let daemon = try await daemon()
    defer { daemon.stop() }
    let elsewhere = "kind: Instance\nid: \(Self.uuid)\nhostname: a\nhost: other\n"
    #expect(try await daemon.command("apply", "-f", "-", input: elsewhere).status == 0)
    #expect(try await call(daemon, "release", "end", Self.domain("")).status == 0)
    #expect(try await daemon.command("get", "instance", Self.uuid).status == 0)
  }

  @Test("a domain without anything of ours is left alone, whatever state it and the daemon are in")
  func leftAlone() async throws {
    for xml in [Self.domain(nil), "<domain><name>&x;</name>", ""] {
      let output = try await Program.run(
        ["libvirt", "hook", "--socket", "/nowhere", "a", "prepare", "begin", "-"], input: xml)
      #expect(output.status == 0 && output.error == "", "\(output.error)")
    }
    let daemon = try await daemon()
    defer { daemon.stop() }
    #expect(try await call(daemon, "prepare", "begin", Self.domain(nil), ["--all"]).status == 0)
    #expect(try await daemon.command("get", "instance", Self.uuid).out.contains("hostname: web-1"))
  }

  @Test(
    "what cannot be declared keeps the domain from starting, with the reason in one line",
    arguments: [
      ("adress: 1", "adress"), ("- a", "must hold a map"), ("a: 1\n---\nb: 2", "more than one"),
      ("id: 11111111-2222-4333-8444-555555555555", "must be the domain's UUID"),
      ("interfaces: [{}, {}, {}]", "only 2 cards"), ("host: other", "host is this host"),
      ("interfaces: [{mac: \"52:54:00:00:00:09\"}]", "no card 52:54:00:00:00:09"),
      ("keys: [nobody]", "KeyPair nobody"), ("kind: Network", "kind must be Instance"),
      ("a: [", "is not YAML"), ("<x/>", "YAML, no elements"),
    ])
  func refused(_ ours: String, _ reason: String) async throws {
    let daemon = try await daemon()
    defer { daemon.stop() }
    let output = try await call(daemon, "prepare", "begin", Self.domain(ours))
    #expect(output.status == 1)
    #expect(output.error.hasPrefix("nameplate: domain web-1: "), "\(output.error)")
    #expect(output.error.contains(reason), "\(output.error)")
    #expect(output.error.filter(\.isNewline).count == 1, "\(output.error)")
    let lenient = try await call(daemon, "prepare", "begin", Self.domain(ours), ["--lenient"])
    #expect(lenient.status == 0 && lenient.error == output.error)
  }

  @Test("a daemon that does not answer is not waited for")
  func silentDaemon() async throws {
    let folder = try TemporaryFolder()
    let socket = folder["s"]
    let listener = try SocketAddress.listening(at: socket)
    defer { close(listener) }
    let output = try await Program.run(
      [
        "libvirt", "hook", "--socket", socket, "--timeout", "300ms", "a", "prepare", "begin", "-",
      ], input: Self.domain(""))
    #expect(output.status == 1)
    #expect(output.error.contains("no answer within 0.3 seconds"), "\(output.error)")
    let absent = try await Program.run(
      ["libvirt", "hook", "--socket", "/nowhere", "a", "prepare", "begin", "-"],
      input: Self.domain(""))
    #expect(absent.status == 1 && absent.error.contains("no daemon listens"), "\(absent.error)")
  }

  @Test("the example's domain is declared by the example's hook")
  func example() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let daemon = try await DaemonProcess()
    defer { daemon.stop() }
    let xml = try String(contentsOfFile: "\(root)/examples/libvirt/web-1.xml", encoding: .utf8)
    let path = URL(fileURLWithPath: Program.path).deletingLastPathComponent().path
    let output = try await Program.run(
      "/bin/sh", ["\(root)/examples/libvirt/qemu", "web-1", "prepare", "begin", "-"], input: xml,
      environment: ["NAMEPLATE_SOCKET": daemon.socket, "PATH": "\(path):/usr/bin:/bin"])
    #expect(output.status == 0, "\(output.error)")
    let declared = try await daemon.command("get", "instance", Self.uuid)
    #expect(declared.out.contains("192.0.2.15") && declared.out.contains("alice@laptop"))
    let strings = try await daemon.command(
      "instance", "smbios", Self.uuid, "--format", "libvirt", "--domain-uuid", Self.uuid)
    #expect(strings.status == 0 && strings.error == "")
    for line in strings.out.split(separator: "\n") where line.contains("<entry") {
      #expect(xml.contains(line.trimmingCharacters(in: .whitespaces)), "\(line)")
    }
  }
}

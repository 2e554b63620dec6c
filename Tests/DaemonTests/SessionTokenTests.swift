import Foundation
import TestKit
import Testing

/// Guests on loopback with a daemon of the test's own, asking by curl.
@Suite("Session tokens of a running daemon")
struct SessionTokenTests {
  static let ttlField = "X-aws-ec2-metadata-token-ttl-seconds: 60"

  static func manifest(_ options: String = "") -> String {
    """
    kind: Instance
    id: 11111111-2222-4333-8444-000000000001
    hostname: one
    interfaces: [{address: 127.0.0.1}]
    metadataOptions: {\(options)}
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-000000000002
    hostname: two
    interfaces: [{address: 127.0.0.2}]
    """
  }

  struct Answer {
    var status: Int
    var body: String
    var head: String
  }

  static func ask(
    _ daemon: DaemonProcess, _ path: String, from source: String = "127.0.0.1", _ more: String...
  ) async throws -> Answer {
    let output = try await ChildProcess.run(
      ["curl", "-s", "-i", "--max-time", "10", "--interface", source] + more + [
        "http://127.0.0.1:\(daemon.port)\(path)"
      ])
    let parts = output.out.split(separator: "\r\n\r\n", maxSplits: 1)
    let head = parts.first.map(String.init) ?? ""
    let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return Answer(
      status: try #require(status, "\(output)"), body: parts.count > 1 ? String(parts[1]) : "",
      head: head)
  }

  static func token(_ daemon: DaemonProcess, from source: String = "127.0.0.1") async throws
    -> String
  {
    let answer = try await ask(
      daemon, "/latest/api/token", from: source, "-X", "PUT", "-H", ttlField)
    #expect(answer.status == 200)
    #expect(answer.head.contains("\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60"))
    #expect(answer.head.contains("\r\nContent-Type: text/plain"))
    return "X-aws-ec2-metadata-token: \(answer.body)"
  }

  @Test("a token is good over a kill of the daemon, for its guest alone")
  func restart() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest("httpTokens: required"))
    defer { daemon.stop() }
    let path = "/latest/meta-data/hostname"
    #expect(try await Self.ask(daemon, path).status == 401)
    #expect(try await Self.ask(daemon, path, from: "127.0.0.2").body == "two")
    let token = try await Self.token(daemon)
    for round in 0..<2 {
      #expect(try await Self.ask(daemon, path, "-H", token).body == "one")
      let stolen = try await Self.ask(daemon, path, from: "127.0.0.2", "-H", token)
      #expect(stolen.status == 401)
      if round == 0 {
        daemon.signal(SIGKILL)
        await daemon.ended()
        try await daemon.start()
      }
    }
    #expect(try await Self.ask(daemon, path).status == 401)
  }

  @Test(
    "what the daemon requires a project may allow, and an operator sees who asks without a token")
  func defaults() async throws {
    let manifest = """
      kind: Instance
      id: 11111111-2222-4333-8444-000000000001
      hostname: one
      interfaces: [{address: 127.0.0.1}]
      ---
      kind: Instance
      id: 11111111-2222-4333-8444-000000000002
      hostname: two
      project: old
      interfaces: [{address: 127.0.0.2}]
      ---
      kind: Project
      id: old
      metadataOptions: {httpTokens: optional}
      """
    let daemon = try await DaemonProcess(
      manifest: manifest, options: ["--metadata-options", "{httpTokens: required}"])
    defer { daemon.stop() }
    let path = "/latest/meta-data/hostname"
    #expect(try await Self.ask(daemon, path).status == 401)
    #expect(try await Self.ask(daemon, path, from: "127.0.0.2").body == "two")
    let list = try await daemon.command("instance", "list", "--imds-v1-users")
    #expect(list.status == 0, "\(list.error)")
    #expect(list.out.contains("two") && list.out.contains("ec2 1"))
    #expect(!list.out.contains("one"))
    let all = try await daemon.command("instance", "list")
    #expect(all.out.contains("one") && all.out.contains("two"))
    let project = try await daemon.command("get", "project", "old", "--output", "yaml")
    #expect(project.out.contains("httpTokens: optional"))
    let again = try await daemon.command("diff", "-f", "-", input: project.out)
    #expect(again.status == 0, "\(again.out)\(again.error)")
    let usage = try await daemon.command("instance", "list", "--imds-v1-users", "--name", "x")
    #expect(usage.status == 2)
  }

  @Test("requests are answered and refused as AWS does, and PUT needs no length")
  func endpoint() async throws {
    let daemon = try await DaemonProcess(manifest: Self.manifest())
    defer { daemon.stop() }
    let path = "/latest/api/token"
    for (words, status) in [
      (["-X", "PUT", "-H", Self.ttlField], 200), (["-X", "PUT"], 400),
      (["-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 21601"], 400),
      (["-X", "PUT", "-H", Self.ttlField, "-H", "X-Forwarded-For: 10.0.0.1"], 403),
      ([], 405), (["-X", "POST", "-d", "x", "-H", Self.ttlField], 405),
      (["-X", "PUT", "-H", Self.ttlField, "-d", ""], 200),
      (["-X", "PUT", "-H", Self.ttlField, "-d", "body"], 200),
    ] {
      let output = try await ChildProcess.run(
        ["curl", "-s", "-o", "/dev/null", "-D", "-"] + words + [
          "http://127.0.0.1:\(daemon.port)\(path)"
        ])
      #expect(output.out.contains("HTTP/1.1 \(status) "), "\(words): \(output.out)")
      if status == 405 { #expect(output.out.contains("\r\nAllow: OPTIONS, PUT\r\n")) }
    }
    let plain = try await Self.ask(
      daemon, "/openstack/latest/api/token", "-X", "PUT", "-H",
      "X-Metadata-Token-TTL-Seconds: 5")
    #expect(plain.head.contains("\r\nX-Metadata-Token-Ttl-Seconds: 5"))
    let read = try await Self.ask(
      daemon, "/openstack/latest/meta_data.json", "-H", "X-Metadata-Token: \(plain.body)")
    #expect(read.status == 200)
    let wrong = try await Self.ask(
      daemon, "/openstack/latest/meta_data.json", "-H", "X-Metadata-Token: \(plain.body)x")
    #expect(wrong.status == 401)
  }
}

/// A program behind a guest, as in a container with a network of its own: the guest forwards what it
/// sends, and puts its own address on it.
struct ContainerBehindGuest {
  let network: GuestNetwork
  let container: String

  init() async throws {
    network = try await GuestNetwork()
    container = "\(network.guest)c"
    do {
      try await make()
    } catch {
      remove()
      throw error
    }
  }

  private func make() async throws {
    let (guest, router) = (network.guest, network.router)
    try await Program.tool("ip", "netns", "add", container)
    try await Program.tool(
      "ip", "link", "add", "in0", "netns", guest, "type", "veth", "peer", "name", "eth0", "netns",
      container)
    for (namespace, device, addresses) in [
      (router, "", ["fd00:20::1/64"]), (guest, "eth0", ["fd00:20::5/64"]),
      (guest, "in0", ["172.18.0.1/24", "fd00:18::1/64"]),
      (container, "eth0", ["172.18.0.2/24", "fd00:18::2/64"]),
    ] {
      let device = try device.isEmpty ? await routersDevice() : device
      for address in addresses {
        try await Program.tool(
          "ip", "-n", namespace, "address", "add", address, "dev", device, "nodad")
      }
      try await Program.tool("ip", "-n", namespace, "link", "set", device, "up")
    }
    try await Program.tool("ip", "-n", container, "route", "add", "default", "via", "172.18.0.1")
    try await Program.tool(
      "ip", "-n", container, "-6", "route", "add", "default", "via", "fd00:18::1")
    let rules = """
      table inet np {
        chain post {
          type nat hook postrouting priority 100
          oifname "eth0" masquerade
        }
      }
      """
    let output = try await Program.run(
      "/usr/bin/env",
      [
        "ip", "netns", "exec", guest, "sh", "-ec",
        """
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        nft -f -
        """,
      ], input: rules)
    guard output.status == 0 else { throw Program.Failed(text: output.error) }
  }

  private func routersDevice() async throws -> String {
    let list = try await Program.tool(
      "ip", "-n", network.router, "-br", "link", "show", "type", "veth")
    return String(list.prefix { $0 != "@" && $0 != " " })
  }

  func remove() {
    _ = try? ChildProcess.runHere(["ip", "netns", "del", container])
    network.remove()
  }

  /// What curl gets in the container, or nil where nothing comes for two seconds.
  func curl(_ words: String...) async throws -> String? {
    let output = try await ChildProcess.run(
      ["ip", "netns", "exec", container, "curl", "-gs", "--max-time", "2"] + words)
    return output.status == 28 ? nil : output.out
  }
}

@Suite("A token's hop limit", .enabled(if: isRoot, "network namespaces need root"))
struct HopLimitTests {
  static func manifest(_ options: String) -> String {
    """
    kind: Network
    id: net-a
    subnets: [{cidr: 10.20.0.0/24}, {cidr: "fd00:20::/64"}]
    ---
    kind: Instance
    id: 11111111-2222-4333-8444-555555555555
    hostname: guest-5
    metadataOptions: {\(options)}
    interfaces:
    - {network: net-a, addresses: [{ip: 10.20.0.5}, {ip: "fd00:20::5"}]}
    """
  }

  static let urls = ["http://169.254.169.254", "http://[fd00:20::1]:8775"]

  @Test("a token comes as far as it may and no further, in both families; a GET is not limited")
  func hops() async throws {
    let road = try await ContainerBehindGuest()
    defer { road.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", road.network.router], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest(""), options: ["--listeners", "[{address: '::', port: 8775}]"])
    defer { daemon.stop() }
    let put = ["-X", "PUT", "-H", SessionTokenTests.ttlField]
    for url in Self.urls {
      let (path, hostname) = ("\(url)/latest/api/token", "\(url)/latest/meta-data/hostname")
      #expect(try await road.curl(hostname) == "guest-5")
      #expect(try await road.curl(put[0], put[1], put[2], put[3], path) == nil)
      let near = try await road.network.asGuest(
        ["curl", "-gsf", "--max-time", "10"] + put + [path, "--next", "-gsf", hostname])
      #expect(near.status == 0)
      #expect(near.out.hasSuffix("guest-5") && near.out.count > 40)
    }
    let applied = try await daemon.command(
      "apply", "-f", "-", input: Self.manifest("httpPutResponseHopLimit: 2"))
    #expect(applied.status == 0, "\(applied.error)")
    for url in Self.urls {
      let token = try await road.curl(put[0], put[1], put[2], put[3], "\(url)/latest/api/token")
      #expect((token ?? "").count > 40)
    }
  }

  @Test("what is asked in one go behind the token does not carry it further")
  func pipelined() async throws {
    let road = try await ContainerBehindGuest()
    defer { road.remove() }
    let daemon = try await DaemonProcess(
      prefix: ["ip", "netns", "exec", road.network.router], listen: "0.0.0.0", port: 8775,
      manifest: Self.manifest(""))
    defer { daemon.stop() }
    let answers = try await NetworkNamespace.run(road.container) { try Self.pipeline() }
    #expect(answers.contains("guest-5"))
    #expect(!answers.contains("Ttl-Seconds"), "\(answers)")
  }

  /// Asks a GET, which is answered, then a PUT and GETs.
  /// - Returns: Whatever comes within three seconds of silence.
  private static func pipeline() throws -> String {
    let get = "GET /latest/meta-data/hostname HTTP/1.1\r\nHost: x\r\n\r\n"
    let put = "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\n\(SessionTokenTests.ttlField)\r\n\r\n"
    let descriptor = try SocketAddress.connected(to: 80, at: "169.254.169.254")
    defer { close(descriptor) }
    var answers = ""
    for requests in [get, put + String(repeating: get, count: 20)] {
      let bytes = Array(requests.utf8)
      guard unsafe send(descriptor, bytes, bytes.count, 0) == bytes.count else { break }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      while unsafe Glibc.poll(&poll, 1, 3000) == 1 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        answers += String(decoding: buffer.prefix(count), as: UTF8.self)
        // The first is answered before the rest is asked.
        if requests == get { break }
      }
    }
    return answers
  }
}

import Foundation
import TestKit
import Testing

@Suite(
  "Networks in namespaces", .enabled(if: isRoot, "network namespaces need root"), .serialized,
  .timeLimit(.minutes(5)))
struct NamespaceTests {
  static func listener(_ farm: NamespaceFarm, _ more: String = "") -> String {
    "{address: 169.254.169.254, port: 80, netns: '\(farm.pattern)'\(more)}"
  }

  @Test("200 guests with one address on 200 networks get 200 answers from one daemon")
  func twoHundred() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    let networks = (1...200).map { "net-\($0)" }
    // Half are there at the start, half come while it runs.
    try await farm.make(Array(networks.prefix(100)))
    let daemon = try await DaemonProcess(
      listeners: Self.listener(farm), manifest: farm.manifest(networks))
    defer { daemon.stop() }
    try await farm.make(Array(networks.suffix(100)))
    let curl = NamespaceFarm.patientCurl.joined(separator: " ")
    let answers = try await farm.shell(
      networks.map { network in
        "ip netns exec \(farm.guest(network)) \(curl)"
          + " http://169.254.169.254/latest/meta-data/hostname; echo"
      }.joined(separator: "\n"))
    #expect(
      answers.split(separator: "\n").map(String.init) == networks.map { "guest-of-\($0)" })
  }

  @Test(
    "a namespace that is deleted is gone within a shutdown's bounds, whatever guests have open",
    arguments: [true, false])
  func deleted(guestAnswers: Bool) async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    try await farm.make(["net-a"])
    let daemon = try await DaemonProcess(
      listeners: Self.listener(farm), manifest: farm.manifest(["net-a"]))
    defer { daemon.stop() }
    #expect(try await farm.ask("net-a") == "guest-of-net-a")
    let guest = farm.guest("net-a")
    // One connection idles after an answer, one is in the middle of a request.
    let connections = try await NetworkNamespace.run(guest) {
      let request = "GET /latest/meta-data/hostname HTTP/1.1\r\n"
      return try [request + "Host: a\r\n\r\n", request].map { text in
        let descriptor = try SocketAddress.connected(to: 80, at: "169.254.169.254")
        var bytes = Array(text.utf8)
        _ = unsafe send(descriptor, bytes, bytes.count, 0)
        if text != request { _ = unsafe recv(descriptor, &bytes, bytes.count, 0) }
        return descriptor
      }
    }
    defer { for descriptor in connections { close(descriptor) } }
    let gone = try await farm.shell(
      """
      # A guest that acknowledges nothing any more must not hold it either.
      \(guestAnswers ? ":" : "ip -n \(guest) link set eth0 down")
      ip netns del \(farm.namespace("net-a"))
      # The other end of the veth pair lasts as long as the namespace.
      for try in $(seq 600); do
        ip -n \(guest) link show eth0 >/dev/null 2>&1 || { echo gone; break; }
        sleep 0.02
      done
      """)
    #expect(gone == "gone\n")
  }

  @Test("IPv6-only guests ask at fe80::a9fe:a9fe and fd00:ec2::254, and are known by their MAC")
  func ipv6() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    let networks = ["net-a", "net-b"]
    let daemon = try await DaemonProcess(
      listeners: """
        {address: 'fe80::a9fe:a9fe', port: 80, netns: '\(farm.pattern)', device: e0},
        {address: 'fd00:ec2::254', port: 80, netns: '\(farm.pattern)'}
        """, manifest: farm.manifest(networks))
    defer { daemon.stop() }
    try await farm.make(networks)
    for network in networks {
      try await farm.shell(
        """
        ip -n \(farm.guest(network)) address flush dev eth0 scope global
        ip -n \(farm.namespace(network)) address add fe80::a9fe:a9fe/64 dev e0 nodad
        ip -n \(farm.namespace(network)) address add fd00:ec2::254/128 dev e0 nodad
        ip -n \(farm.guest(network)) -6 route add fd00:ec2::254 via fe80::a9fe:a9fe dev eth0
        """)
    }
    for network in networks {
      for host in ["[fe80::a9fe:a9fe%25eth0]", "[fd00:ec2::254]"] {
        let answer = try await farm.ask(network, "http://\(host)/latest/meta-data/hostname")
        #expect(answer == "guest-of-\(network)", "\(host)")
      }
    }
  }

  @Test("two interfaces of one namespace are two networks")
  func devices() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    // Namespaces of another name than the pattern's: two guests, and one for both of their ends.
    let shared = farm.guest("shared")
    let daemon = try await DaemonProcess(
      listeners: ["a", "b"].map {
        "{address: 169.254.169.254, port: 80, netns: \(shared), device: br-\($0), network: net-\($0)}"
      }.joined(separator: ","), manifest: farm.manifest(["net-a", "net-b"]))
    defer { daemon.stop() }
    try await farm.shell("ip netns add \(shared)")
    for letter in ["a", "b"] {
      let guest = farm.guest("net-\(letter)")
      try await farm.shell(
        """
        ip netns add \(guest)
        ip -n \(shared) link add br-\(letter) type bridge
        ip -n \(shared) link add tap-\(letter) type veth peer name eth0 \
          address \(NamespaceFarm.macAddress) netns \(guest)
        ip -n \(shared) link set tap-\(letter) master br-\(letter) up
        ip -n \(shared) address add 10.0.0.1/24 dev br-\(letter)
        ip -n \(shared) address add 169.254.169.254/32 dev br-\(letter)
        ip -n \(shared) link set br-\(letter) up
        ip -n \(guest) address add 10.0.0.5/24 dev eth0
        ip -n \(guest) link set eth0 up
        ip -n \(guest) route add 169.254.169.254 dev eth0
        """)
    }
    for network in ["net-a", "net-b", "net-a"] {
      #expect(try await farm.ask(network) == "guest-of-\(network)")
    }
  }

  @Test("SIGTERM ends a daemon with listeners in namespaces with 0, and they are free again")
  func terminates() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    try await farm.make(["net-a"])
    let daemon = try await DaemonProcess(
      listeners: Self.listener(farm), manifest: farm.manifest(["net-a"]))
    defer { daemon.stop() }
    #expect(try await farm.ask("net-a") == "guest-of-net-a")
    daemon.signal(SIGTERM)
    #expect(await daemon.ended() == 0)
    let listening = try await farm.shell(
      "ip netns exec \(farm.namespace("net-a")) cat /proc/net/tcp")
    #expect(!listening.contains(": FEA9FEA9:0050 00000000:0000 0A"))
  }
}

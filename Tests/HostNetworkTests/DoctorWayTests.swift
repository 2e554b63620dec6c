import Foundation
import HostNetwork
import HostProcess
import Inventory
import Testing

@Suite(
  "The doctor, where packets are lost on their way",
  .enabled(if: isRoot, "network namespaces need root"), .serialized)
struct DoctorWayTests {
  @Test("the router does not forward, and the service is on another host")
  func ipForward() async throws {
    try await DoctorNetwork.run(remote: true) { network in
      try await network.sysctl("net.ipv4.ip_forward", 0)
      let findings = await network.examine()
      #expect(findings.failed == ["ip-forward"], "\(findings.doctorTable)")
      try await HostTools().run("sh", ["-c", try #require(findings[.ipForward]?.remedy)])
      #expect(await network.examine().failed == [])
    }
  }

  @Test("a road of IPv6 is judged by its own rules, routes and settings")
  func ipv6() async throws {
    try await DoctorNetwork.run(remote: true, service: nil, redirect: false) { network in
      for (tools, command) in [
        (network.guest, "address add fd20::5/64 dev eth0 nodad"),
        (network.router, "address add fd20::1/64 dev in0 nodad"),
        (network.router, "address add fd30::1/64 dev mg0 nodad"),
        (network.server, "address add fd30::2/64 dev eth0 nodad"),
        (network.guest, "-6 route add default via fd20::1"),
        (network.server, "-6 route add fd20::/64 via fd30::1"),
      ] { try await network.ip(tools, command) }
      try await network.sysctl("net.ipv6.conf.all.forwarding", 1)
      try await network.nft(
        network.router,
        """
        table ip6 np {
          chain pre {
            type nat hook prerouting priority dstnat;
            ip6 daddr fd00:ec2::254 tcp dport 80 counter dnat to [fd30::2]:8775
          }
        }
        """)
      try network.start(.standIn, at: "fd30::2")
      var question = network.question(host: "fd30::2")
      question.guests = [CIDR("fd20::/64")].compactMap { $0 }
      question.redirect = { nil }
      let doctor = Doctor(
        question: question, host: network.router, guest: network.guest, daemon: network.daemon())
      let healthy = await doctor.examine()
      #expect(healthy.failed == [] && healthy.warnings == [], "\(healthy.doctorTable)")
      #expect(healthy[.sourceAddress]?.evidence == "the guest arrives as fd20::5")
      try await network.nft(
        network.router,
        "table ip6 late { chain c { type nat hook postrouting priority 100; masquerade; } }")
      let hidden = await doctor.examine()
      #expect(hidden.failed == ["source-nat"], "\(hidden.doctorTable)")
      try await network.sysctl("net.ipv6.conf.all.forwarding", 0)
      #expect(await doctor.examine().failed.contains("ip-forward"))
    }
  }

  @Test("strict rp_filter, and the way back to the guest is another")
  func reversePathFilter() async throws {
    try await DoctorNetwork.run { network in
      let (guest, router) = (network.names[0], network.names[1])
      for command in [
        "link add in1 netns \(router) type veth peer name eth1 netns \(guest)",
        "-n \(router) link set in1 up", "-n \(guest) link set eth1 up",
        "-n \(router) route add 10.20.0.5 dev in1 src 10.20.0.1",
      ] { try await HostTools().run("ip", DoctorNetwork.words(command)) }
      try await network.sysctl("net.ipv4.conf.all.rp_filter", 0)
      try await network.sysctl("net.ipv4.conf.in0.rp_filter", 0)
      let loose = await network.examine()
      #expect(loose.failed == [], "\(loose.doctorTable)")
      try await network.sysctl("net.ipv4.conf.in0.rp_filter", 1)
      let findings = await network.examine()
      #expect(findings.failed == ["rp-filter"], "\(findings.doctorTable)")
      try await HostTools().run("sh", ["-c", try #require(findings[.reversePathFilter]?.remedy)])
      #expect(await network.examine().failed == [])
    }
  }

  @Test(
    "the guest has no route, no address, or asks on its own link where nobody answers",
    arguments: [
      ["route del default"], ["address flush dev eth0"],
      ["route add 169.254.0.0/16 dev eth0 scope link"],
      ["route replace default via 10.20.0.77"],
    ])
  func guestRoute(commands: [String]) async throws {
    try await DoctorNetwork.run { network in
      for command in commands { try await network.ip(network.guest, command) }
      let findings = await network.examine()
      #expect(findings.failed == ["guest-route"], "\(findings.doctorTable)")
    }
  }

  @Test("the guest's remedy is a route by this host")
  func guestRouteRemedy() async throws {
    try await DoctorNetwork.run { network in
      try await network.ip(network.guest, "route del default")
      let remedy = try #require(await network.examine()[.guestRoute]?.remedy)
      #expect(remedy.contains("ip route replace 169.254.169.254/32 via 10.20.0.1"))
    }
  }

  @Test("the management network has no route back to the guests")
  func returnRoute() async throws {
    try await DoctorNetwork.run(remote: true) { network in
      try await network.ip(network.server, "route del 10.20.0.0/24")
      let findings = await network.examine()
      #expect(findings.failed == ["return-route"], "\(findings.doctorTable)")
      #expect(
        findings[.returnRoute]?.remedy
          == "on 10.30.0.2: ip route add 10.20.0.0/24 via 10.30.0.1")
    }
  }

  @Test("the router itself has no route to the guest")
  func routeToGuest() async throws {
    try await DoctorNetwork.run { network in
      try await network.ip(network.router, "route del 10.20.0.0/24 dev in0")
      let findings = await network.examine()
      #expect(findings.failed == ["return-route"], "\(findings.doctorTable)")
    }
  }

  @Test("guests' packets do not come to this host's rule")
  func counted() async throws {
    try await DoctorNetwork.run { network in
      try await network.nft(
        network.guest,
        "table ip own { chain out { type filter hook output priority 0; tcp dport 80 drop; } }")
      let findings = await network.examine()
      #expect(findings.failed == ["counted"], "\(findings.doctorTable)")
    }
  }

  @Test("large answers are lost where a small link tells nobody")
  func mtu() async throws {
    try await DoctorNetwork.run(remote: true) { network in
      try await network.ip(network.router, "link set in0 mtu 1000")
      try await network.nft(
        network.router,
        "table ip hole { chain out { type filter hook output priority 0; "
          + "icmp type destination-unreachable drop; } }")
      let findings = await network.examine()
      #expect(findings.failed == ["mtu"], "\(findings.doctorTable)")
      #expect(findings[.mtu]?.evidence.contains("in0 1000") == true)
    }
  }

  @Test(
    "a foreign filter drops requests or answers",
    arguments: [
      (true, "forward", "policy drop; oifname \"in0\" accept;", "requests"),
      (true, "forward", "policy drop; iifname \"in0\" accept;", "answers"),
      (true, "forward", "ip saddr 10.20.0.0/16 tcp dport { 8000-9000 } reject;", "requests"),
      (false, "input", "policy drop; iif \"lo\" accept; tcp dport 22 accept;", "requests"),
      (false, "output", "oifname \"in0\" ip daddr 10.20.0.5 drop;", "answers"),
    ])
  func filtered(isRemote: Bool, hook: String, rules: String, what: String) async throws {
    try await DoctorNetwork.run(remote: isRemote) { network in
      try await network.nft(
        network.router,
        """
        table inet fence {
          chain \(hook) {
            type filter hook \(hook) priority 0;
            \(rules.split(separator: "; ").joined(separator: ";\n    "))
          }
        }
        """)
      let findings = await network.examine()
      #expect(findings.failed == ["filtered"], "\(findings.doctorTable)")
      #expect(findings[.filtered]?.evidence.hasPrefix("\(what) are dropped by") == true)
      try await HostTools().run("sh", ["-c", try #require(findings[.filtered]?.remedy)])
      let after = await network.examine()
      #expect(after.failed == [], "\(after.doctorTable)")
    }
  }

  @Test(
    "iptables' FORWARD policy drops",
    arguments: [DoctorNetwork.Backend.iptablesNft, .iptablesLegacy])
  func policy(backend: DoctorNetwork.Backend) async throws {
    try await DoctorNetwork.run(remote: true, backend: backend) { network in
      try await network.router.run(backend.rawValue, ["-P", "FORWARD", "DROP"])
      try await network.router.run(
        backend.rawValue,
        DoctorNetwork.words("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"))
      let findings = await network.examine()
      #expect(findings.failed == ["filtered"], "\(findings.doctorTable)")
      #expect(
        findings[.filtered]?.evidence.contains(
          "the policy drop of chain FORWARD, table filter (\(backend.rawValue))") == true)
      try await HostTools().run("sh", ["-c", try #require(findings[.filtered]?.remedy)])
      #expect(await network.examine().failed == [])
    }
  }

  @Test("a service on the guests' own bridge is answered across it, untranslated")
  func bridge() async throws {
    try await DoctorNetwork.run(remote: true, service: nil, redirect: false) { network in
      for command in [
        "address flush dev in0", "address flush dev mg0", "link add br0 type bridge",
        "link set in0 master br0", "link set mg0 master br0", "link set br0 up",
        "address add 10.20.0.1/24 dev br0",
      ] { try await network.ip(network.router, command) }
      try await network.ip(network.server, "address flush dev eth0")
      try await network.ip(network.server, "address add 10.20.0.9/24 dev eth0")
      try await network.nft(
        network.router,
        """
        table ip np {
          chain pre {
            type nat hook prerouting priority dstnat;
            ip daddr 169.254.169.254 tcp dport 80 counter dnat to 10.20.0.9:8775
          }
        }
        """)
      try network.start(.standIn, in: network.server, at: "10.20.0.9")
      var question = network.question(host: "10.20.0.9")
      question.redirect = { nil }
      let doctor = Doctor(
        question: question, host: network.router, guest: network.guest, daemon: network.daemon())
      try await network.sysctl("net.bridge.bridge-nf-call-iptables", 1)
      let healthy = await doctor.examine()
      #expect(healthy.failed == [], "\(healthy.doctorTable)")
      try await network.sysctl("net.bridge.bridge-nf-call-iptables", 0)
      let findings = await doctor.examine()
      #expect(findings.failed == ["bridge-netfilter"], "\(findings.doctorTable)")
    }
  }
}

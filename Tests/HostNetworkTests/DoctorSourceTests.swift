import Foundation
import HostNetwork
import HostProcess
import Inventory
import Testing

@Suite(
  "The doctor, where guests lose their address",
  .enabled(if: isRoot, "network namespaces need root"), .serialized)
struct DoctorSourceTests {
  static func masquerade(_ network: DoctorNetwork) async throws {
    switch network.backend {
    case .nftables:
      try await network.nft(
        network.router,
        """
        table ip provider {
          chain post {
            type nat hook postrouting priority srcnat;
            oifname "mg0" ip saddr 10.20.0.0/24 masquerade
          }
        }
        """)
    default:
      try await network.router.run(
        network.backend.rawValue,
        DoctorNetwork.words("-t nat -A POSTROUTING -s 10.20.0.0/24 -o mg0 -j MASQUERADE"))
    }
  }

  @Test(
    "a MASQUERADE rule behind the exemption does no harm; without the exemption it is named",
    arguments: DoctorNetwork.Backend.allCases)
  func sourceNAT(backend: DoctorNetwork.Backend) async throws {
    try await DoctorNetwork.run(remote: true, backend: backend) { network in
      try await Self.masquerade(network)
      let healthy = await network.examine()
      #expect(healthy.failed == [] && healthy.warnings == [], "\(healthy.doctorTable)")
    }
    try await DoctorNetwork.run(remote: true, backend: backend, redirect: false) { network in
      try await network.redirect(exempts: false)
      try await Self.masquerade(network)
      let findings = await network.examine()
      #expect(findings.failed == ["source-nat"], "\(findings.doctorTable)")
      let evidence = try #require(findings[.sourceNAT]?.evidence)
      #expect(
        evidence.contains(
          backend == .nftables
            ? "'oifname \"mg0\" ip saddr 10.20.0.0/24 masquerade', handle 2 of chain post, "
              + "table ip provider (nftables)"
            : "'-A POSTROUTING -s 10.20.0.0/24 -o mg0 -j MASQUERADE', rule 2 of chain "
              + "POSTROUTING, table nat (\(backend.rawValue))"), "\(evidence)")
      #expect(evidence.hasSuffix("10.20.0.5 arrived as 10.30.0.1"))
      #expect(findings[.sourceAddress]?.evidence.contains("the fixed IP was NATed away") == true)
      let remedy = try #require(findings[.sourceNAT]?.remedy)
      try await HostTools().run("sh", ["-c", remedy])
      #expect(await network.examine().failed == [])
    }
  }

  @Test("an exemption in iptables does not bind another table of nftables")
  func otherTable() async throws {
    try await DoctorNetwork.run(remote: true, backend: .iptablesNft) { network in
      try await network.nft(
        network.router,
        "table ip late { chain post { type nat hook postrouting priority 110; masquerade; } }")
      let findings = await network.examine()
      #expect(findings.failed == ["source-nat"], "\(findings.doctorTable)")
      #expect(findings[.sourceNAT]?.evidence.contains("table ip late (nftables)") == true)
    }
  }

  @Test("where the exemption has drifted away, the rule is named and the redirect is the remedy")
  func drifted() async throws {
    try await DoctorNetwork.run(remote: true, redirect: false) { network in
      try await network.redirect(exempts: false)
      try await Self.masquerade(network)
      var question = network.question()
      question.redirect = {
        var facts = try await network.redirectFacts()
        facts.isInPlace = false
        facts.drift = ["the exemption from source NAT is missing"]
        return facts
      }
      let doctor = Doctor(
        question: question, host: network.router, guest: network.guest, daemon: network.daemon())
      let findings = await doctor.examine()
      #expect(findings.failed == ["source-nat"], "\(findings.doctorTable)")
      #expect(
        findings[.sourceNAT]?.remedy == "nameplate redirect install --netns \(network.names[1])")
      #expect(findings.warnings == ["redirect"])
      #expect(findings[.redirect]?.evidence.contains("exemption from source NAT") == true)
    }
  }

  @Test("as a guest, without being in it, the rule is named too")
  func asGuest() async throws {
    try await DoctorNetwork.run(remote: true, redirect: false) { network in
      try await network.redirect(exempts: false)
      try await Self.masquerade(network)
      let question = network.question(asGuest: "10.20.0.7")
      let doctor = Doctor(question: question, host: network.router, daemon: network.daemon())
      let findings = await doctor.examine()
      #expect(findings.failed == ["source-nat"], "\(findings.doctorTable)")
      #expect(findings[.declared]?.status == .ok)
    }
  }

  @Test("source NAT that is on no packet filter of this host is seen by the probe")
  func sourceAddress() async throws {
    try await DoctorNetwork.run(remote: true) { network in
      try await network.nft(
        network.server,
        "table ip mid { chain in { type nat hook input priority 100; "
          + "ip saddr 10.20.0.0/24 snat to 10.30.0.99; } }")
      let findings = await network.examine()
      #expect(findings.failed == ["source-address"], "\(findings.doctorTable)")
      #expect(findings[.sourceAddress]?.evidence.contains("arrives as 10.30.0.99") == true)
    }
  }

  @Test("the guest's address is no declared instance's")
  func declared() async throws {
    try await DoctorNetwork.run { network in
      let findings = await network.examine(daemon: network.daemon(owner: .unknown))
      #expect(findings.failed == ["declared"], "\(findings.doctorTable)")
      let role = await network.examine(daemon: network.daemon(owner: .role("the gateway of net-a")))
      #expect(role.failed == ["declared"])
      #expect(role[.declared]?.evidence == "10.20.0.5 is the gateway of net-a, no instance's")
    }
  }

  @Test("requests from addresses that hide guests are told in the daemon's words")
  func strangers() async throws {
    try await DoctorNetwork.run { network in
      let stranger = DoctorDaemon.Stranger(
        source: .v4(0x0A1E_0001), role: "the gateway of net-a", count: 7, last: "10:00")
      let findings = await network.examine(daemon: network.daemon(strangers: [stranger]))
      #expect(findings.failed == [] && findings.warnings == ["strangers"])
      #expect(
        findings[.strangers]?.evidence.contains("7 from 10.30.0.1 (the gateway of net-a)") == true)
    }
  }
}

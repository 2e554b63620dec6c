import Foundation
import HostNetwork
import HostProcess
import Inventory
import Testing

@Suite(
  "The doctor, with one link broken",
  .enabled(if: isRoot, "network namespaces need root"), .serialized)
struct DoctorRoadTests {
  @Test(
    "a healthy road has no failed link and no warning",
    arguments: DoctorNetwork.Backend.allCases, [false, true])
  func healthy(backend: DoctorNetwork.Backend, isRemote: Bool) async throws {
    try await DoctorNetwork.run(remote: isRemote, backend: backend) { network in
      let findings = await network.examine()
      #expect(findings.failed == [] && findings.warnings == [], "\(findings.doctorTable)")
      #expect(findings.doctorExitStatus == 0)
      #expect(findings.map(\.id) == DoctorCheck.allCases.map(\.rawValue))
      for check in [
        DoctorCheck.listener, .redirect, .shadowed, .counted, .filtered, .sourceNAT, .probe,
        .sourceAddress, .declared, .mtu, .guestRoute, .returnRoute, .reversePathFilter,
      ] {
        #expect(findings[check]?.status == .ok, "\(findings.doctorTable)")
      }
      #expect(findings[.ipForward]?.status == (isRemote ? .ok : .skipped))
    }
  }

  @Test(
    "where the host has the metadata address itself, nothing is expected to be translated",
    arguments: [DoctorQuestion.Shape.local(device: "in0"), .namespaces])
  func untranslated(shape: DoctorQuestion.Shape) async throws {
    try await DoctorNetwork.run(service: nil, redirect: false) { network in
      try await network.ip(network.router, "address add 169.254.169.254/32 dev in0 scope link")
      try await network.ip(network.guest, "route add 169.254.169.254 dev eth0")
      try network.start(.standIn, at: "169.254.169.254", port: 80)
      var question = network.question(host: .some(nil))
      question.shape = shape
      question.redirect = { RedirectFacts(isInPlace: true, packets: nil, backend: "local") }
      let doctor = Doctor(
        question: question, host: network.router, guest: network.guest, daemon: network.daemon())
      let findings = await doctor.examine()
      #expect(findings.failed == [] && findings.warnings == [], "\(findings.doctorTable)")
      #expect(findings[.sourceAddress]?.status == .ok && findings[.mtu]?.status == .ok)
      try await network.nft(
        network.router,
        "table ip fence { chain c { type filter hook input priority 0; tcp dport 80 drop; } }")
      let dropped = await doctor.examine()
      #expect(dropped.failed == ["filtered"], "\(dropped.doctorTable)")
    }
  }

  @Test("without a guest's namespace and a daemon, what cannot be seen is skipped, not failed")
  func noGuest() async throws {
    try await DoctorNetwork.run(remote: true) { network in
      let doctor = Doctor(question: network.question(), host: network.router)
      let findings = await doctor.examine()
      #expect(findings.failed == [], "\(findings.doctorTable)")
      for check in [DoctorCheck.daemon, .guestRoute, .counted, .probe, .declared, .mtu] {
        #expect(findings[check]?.status == .skipped)
      }
    }
  }

  @Test("metadata_host is not set, or is a loopback address", arguments: [nil, "127.0.0.1"])
  func metadataHost(host: String?) async throws {
    try await DoctorNetwork.run(redirect: false) { network in
      let findings = await network.examine(host: .some(host))
      #expect(findings.failed == ["metadata-host"], "\(findings.doctorTable)")
      #expect(findings[.listener]?.evidence == "because metadata-host is broken")
      #expect(findings.doctorExitStatus == 1)
    }
  }

  @Test(
    "nothing, another server or another Nameplate listens at metadata_host",
    arguments: [
      (nil, "connection refused"), (.other, "an HTTP server (other/1"),
      (.impostor, "another Nameplate than the daemon here"),
    ] as [(DoctorNetwork.Service?, String)])
  func listener(service: DoctorNetwork.Service?, evidence: String) async throws {
    try await DoctorNetwork.run(service: service) { network in
      let findings = await network.examine()
      #expect(findings.failed == ["listener"], "\(findings.doctorTable)")
      #expect(findings[.listener]?.evidence.contains(evidence) == true, "\(findings.doctorTable)")
      #expect(findings[.counted]?.status == .ok)
    }
  }

  @Test("the redirect is missing", arguments: DoctorNetwork.Backend.allCases)
  func redirect(backend: DoctorNetwork.Backend) async throws {
    try await DoctorNetwork.run(backend: backend, redirect: false) { network in
      let findings = await network.examine()
      #expect(findings.failed == ["redirect"], "\(findings.doctorTable)")
      #expect(
        findings[.redirect]?.remedy == "nameplate redirect install --netns \(network.names[1])")
    }
  }

  @Test("the redirect is not for the guests that are asked about")
  func redirectOfOthers() async throws {
    try await DoctorNetwork.run(redirect: false) { network in
      try await network.nft(
        network.router,
        """
        table inet nameplate {
          chain prerouting {
            type nat hook prerouting priority dstnat - 10;
            ip saddr 10.21.0.0/24 ip daddr 169.254.169.254 tcp dport 80 counter \
              dnat ip to 10.20.0.1:8775
          }
        }
        """)
      let findings = await network.examine()
      #expect(findings.failed == ["redirect"], "\(findings.doctorTable)")
      #expect(findings[.redirect]?.evidence.contains("10.21.0.0/24") == true)
    }
  }

  @Test(
    "another rule takes the packets first",
    arguments: [
      "table ip thief { chain pre { type nat hook prerouting priority dstnat - 20; "
        + "ip daddr 169.254.0.0/16 tcp dport 80 dnat to 10.20.0.1:9999; } }",
      "table inet thief { chain pre { type filter hook prerouting priority raw; "
        + "ip daddr 169.254.169.254 drop; } }",
      "table ip thief { chain pre { type filter hook prerouting priority raw; "
        + "iifname \"in0\" notrack; } }",
      "table ip thief { chain pre { type nat hook prerouting priority dstnat - 20; "
        + "ip saddr 10.0.0.0/8 meta l4proto tcp redirect to :9999; } }",
    ])
  func shadowed(text: String) async throws {
    try await DoctorNetwork.run(remote: true) { network in
      try network.start(.other, in: network.router, at: "0.0.0.0", port: 9999)
      try await network.nft(network.router, text)
      let findings = await network.examine()
      #expect(findings.failed == ["shadowed"], "\(findings.doctorTable)")
      #expect(findings[.shadowed]?.evidence.contains("chain pre, table") == true)
      // What it says to do does it.
      let remedy = try #require(findings[.shadowed]?.remedy)
      try await HostTools().run("sh", ["-c", remedy])
      let after = await network.examine()
      #expect(after.failed == [], "\(after.doctorTable)")
    }
  }

  @Test(
    "a rule of iptables that accepts ahead of the redirect is named with its number",
    arguments: [DoctorNetwork.Backend.iptablesNft, .iptablesLegacy])
  func shadowedByAccept(backend: DoctorNetwork.Backend) async throws {
    try await DoctorNetwork.run(backend: backend) { network in
      try await network.router.run(
        backend.rawValue,
        DoctorNetwork.words("-t nat -I PREROUTING 1 -d 169.254.0.0/16 -i in0 -j ACCEPT"))
      let findings = await network.examine()
      #expect(findings.failed == ["shadowed"], "\(findings.doctorTable)")
      #expect(
        findings[.shadowed]?.evidence.contains(
          "'-A PREROUTING -d 169.254.0.0/16 -i in0 -j ACCEPT', rule 1 of chain PREROUTING, "
            + "table nat (\(backend.rawValue))") == true, "\(findings.doctorTable)")
      let remedy = try #require(findings[.shadowed]?.remedy)
      try await HostTools().run("sh", ["-c", remedy])
      #expect(await network.examine().failed == [])
    }
  }
}

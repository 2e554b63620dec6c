import Inventory
import Testing

@testable import HostNetwork

@Suite("The doctor's judgement, by value")
struct DoctorJudgeTests {
  /// A router with a guest behind br0 and the service on itself, all well.
  static func healthy() -> DoctorFacts {
    var facts = DoctorFacts()
    let guest = IPAddress.v4(0x0A14_0005)
    facts.metadataHost = .v4(0x0A14_0001)
    facts.metadataPort = 8775
    facts.guest = guest
    facts.guests = [CIDR("10.20.0.0/24")].compactMap { $0 }
    facts.interfaces = [
      interface("in0", ["10.20.0.1/24"], hardware: "02:00:00:00:00:01"),
      interface("mg0", ["10.30.0.1/24"], hardware: "02:00:00:00:00:02"),
    ]
    facts.toMetadataHost = .local(device: "lo")
    facts.toGuests = facts.sources.map {
      ($0, .via(device: "in0", gateway: nil, source: .v4(0x0A14_0001)))
    }
    facts.guestPrefix = ""
    facts.guestInterfaces = [interface("eth0", ["10.20.0.5/24"], hardware: "02:00:00:00:00:05")]
    facts.guestRoute = .via(device: "eth0", gateway: .v4(0x0A14_0001), source: guest)
    facts.guestNextHop = .found("02:00:00:00:00:01")
    facts.rules = FirewallRuleset()
    facts.redirect = .success(RedirectFacts(isInPlace: true, packets: 1, backend: "nftables"))
    facts.packetsAfterProbe = 2
    facts.direct = ProbeFacts(outcome: .answered(source: .v4(0x0A14_0001), bytes: 90))
    facts.probe = ProbeFacts(outcome: .answered(source: guest, bytes: 90))
    facts.paddedProbe = .answered(source: guest, bytes: Probe.largePadding)
    return facts
  }

  static func interface(_ name: String, _ blocks: [String], hardware: String) -> DoctorInterface {
    let addresses = blocks.compactMap { text -> DoctorInterface.Address? in
      let parts = text.split(separator: "/").map(String.init)
      guard let address = IPAddress(parts[0]), let length = Int(parts[1]) else { return nil }
      return DoctorInterface.Address(address: address, prefixLength: length)
    }
    return DoctorInterface(
      name: name, mtu: 1500, isUp: true, kind: "", master: nil, hardwareAddress: hardware,
      addresses: addresses)
  }

  static func judge(_ change: (inout DoctorFacts) -> Void) -> [DoctorFinding] {
    var facts = healthy()
    change(&facts)
    var judge = DoctorJudge(facts: facts)
    return judge.findings()
  }

  @Test("healthy facts have no failure and no warning")
  func baseline() {
    let findings = Self.judge { _ in }
    #expect(findings.allSatisfy { $0.status == .ok || $0.status == .skipped })
  }

  @Test(
    "conntrack is judged by how full it is",
    arguments: [
      ("79", DoctorFinding.Status.ok), ("80", .warning), ("94", .warning), ("95", .failed),
      ("100", .failed),
    ])
  func conntrack(count: String, status: DoctorFinding.Status) {
    let findings = Self.judge {
      $0.settings = [
        "net/netfilter/nf_conntrack_count": count, "net/netfilter/nf_conntrack_max": "100",
      ]
    }
    #expect(findings[.conntrack]?.status == status)
    #expect(findings.failed == (status == .failed ? ["conntrack"] : []))
    #expect(
      findings[.conntrack]?.remedy
        == (status == .ok ? nil : "sysctl -w net.netfilter.nf_conntrack_max=200"))
  }

  @Test("a count that no number holds is no reason to fall over")
  func hugeConntrack() {
    let findings = Self.judge {
      $0.settings = [
        "net/netfilter/nf_conntrack_count": "\(Int.max)",
        "net/netfilter/nf_conntrack_max": "\(Int.max)",
      ]
    }
    #expect(findings.failed == ["conntrack"])
  }

  @Test("a probe that nothing explains is a failure of its own")
  func unexplained() {
    #expect(Self.judge { $0.probe = ProbeFacts(outcome: .timedOut) }.failed == ["probe"])
    #expect(Self.judge { $0.probe = ProbeFacts(outcome: .refused) }.failed == ["probe"])
    let other = Self.judge { $0.probe = ProbeFacts(outcome: .stranger("an HTTP server")) }
    #expect(other.failed == ["probe"])
    #expect(other[.sourceAddress]?.status == .skipped && other[.mtu]?.status == .skipped)
  }

  @Test("an answer that the daemon here has not given is an impostor's")
  func impostor() {
    let unseen = Self.judge { $0.probe?.sighting = .unseen }
    #expect(unseen.failed == ["probe"])
    #expect(unseen[.probe]?.evidence.contains("has not seen the probe") == true)
    let other = Self.judge { $0.probe?.sighting = .seen(.v4(1), network: nil) }
    #expect(other.failed == ["probe"])
  }

  @Test(
    "a rule that is not understood is blamed only where the probe fails and nothing explains it")
  func suspect() {
    let save = """
      *filter
      :INPUT ACCEPT [0:0]
      -A INPUT -p tcp -m ipp2p --edk -j DROP
      COMMIT
      """
    let rules = FirewallRuleset(
      iptablesSave: save, backend: .iptablesLegacy, isIPv4: true)
    let passed = Self.judge { $0.rules = rules }
    #expect(passed.failed == [] && passed.warnings == [])
    let lost = Self.judge {
      $0.rules = rules
      $0.probe = ProbeFacts(outcome: .timedOut)
    }
    #expect(lost.failed == ["filtered"])
    #expect(lost[.filtered]?.evidence.contains("'-A INPUT -p tcp -m ipp2p --edk -j DROP'") == true)
    let unasked = Self.judge {
      $0.rules = rules
      $0.probe = nil
    }
    #expect(unasked.failed == [] && unasked.warnings == ["filtered"])
  }

  @Test("what an answered probe disproves is a warning")
  func disproved() {
    let save = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    let findings = Self.judge {
      $0.rules = FirewallRuleset(iptablesSave: save, backend: .iptablesNft, isIPv4: true)
    }
    #expect(findings.failed == [] && findings.warnings == ["filtered"])
  }

  @Test("rules that cannot be read are not judged")
  func unreadable() {
    let findings = Self.judge { $0.rules?.problems = ["`nft -j list ruleset` failed"] }
    #expect(findings[.shadowed]?.status == .skipped && findings[.sourceNAT]?.status == .skipped)
    #expect(findings.failed == [])
  }

  @Test("a drift that does no harm is a warning with the drift's words")
  func drift() {
    let save = """
      *nat
      :PREROUTING ACCEPT [0:0]
      -A PREROUTING -d 169.254.169.254/32 -p tcp --dport 80 -j DNAT --to-destination 10.20.0.1:8775
      COMMIT
      """
    let findings = Self.judge {
      $0.rules = FirewallRuleset(iptablesSave: save, backend: .iptablesNft, isIPv4: true)
      $0.redirect = .success(
        RedirectFacts(
          isInPlace: false, drift: ["the chain nameplate-INPUT is missing"], packets: 1,
          backend: "iptables-nft"))
    }
    #expect(findings.failed == [] && findings.warnings == ["redirect"])
    #expect(findings[.redirect]?.evidence.contains("nameplate-INPUT is missing") == true)
  }

  @Test("a table has a line for each link, and a remedy under what is broken")
  func table() {
    let findings = Self.judge { $0.owner = .success(.unknown) }
    let lines = findings.doctorTable.split(separator: "\n")
    #expect(lines.count == DoctorCheck.allCases.count + 1)
    #expect(lines.contains { $0.hasPrefix("✗ declared  ") })
    #expect(lines.contains { $0.contains("→ nameplate apply") })
    #expect(findings.first?.json["id"] == "metadata-host")
  }

  @Test("a comment in a rule cannot write on an operator's terminal")
  func controlCharacters() {
    let finding = DoctorCheck.shadowed.finding(.failed, "a\u{1B}[2Jb\nc\u{202E}")
    #expect(finding.evidence == "a?[2Jb?c?")
  }
}

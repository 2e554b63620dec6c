import Inventory
import TestKit
import Testing

@testable import MetadataService

@Suite("The Host rule")
struct HostRuleTests {
  static let rule = HostRule(
    check: .enforce, names: ["Metadata.Example.internal", "192.0.2.80"],
    addresses: [.v4(0x0A00_0004)])

  static let cases: [(String?, Bool)] = [
    (nil, true),
    ("169.254.169.254", true), ("169.254.169.254:80", true), ("169.254.169.254:8080", true),
    ("169.254.169.254:", true),
    ("[fd00:ec2::254]", true), ("[fd00:ec2::254]:80", true), ("[FD00:EC2:0::254]", true),
    ("[fe80::a9fe:a9fe%eth0]", true), ("[fe80::a9fe:a9fe%25eth0]:80", true),
    ("[fe80::a9fe:a9fe]", true), ("[::ffff:169.254.169.254]", true),
    ("metadata.google.internal", true), ("Metadata.Google.Internal.", true), ("metadata", true),
    ("instance-data:8773", true), ("instance-data.:8773", true),
    ("100.100.100.200", true), ("169.254.42.42", true),
    // Ours by the configuration, and the connection's own.
    ("metadata.example.internal", true), ("192.0.2.80:8775", true), ("10.0.0.4:8775", true),
    ("10.9.9.9", true), ("[::ffff:10.9.9.9]", true),
    // Foreign.
    ("evil.example", false), ("evil.example:80", false), ("169.254.169.254.evil.example", false),
    ("10.0.0.5", false), ("[fd00:ec2::255]", false), ("localhost", false), ("127.0.0.1", false),
    ("metadata.google.internal.evil.example", false), ("google.internal", false),
    // Ours in forms that only some readers know.
    ("0xa9fea9fe", false), ("2852039166", false), ("169.254.43518", false),
    ("0169.254.169.254", false), ("169.254.169.254.", false), ("169.254.169.256", false),
    ("169.254.169", false), ("169..169.254", false), (".169.254.169.254", false),
    ("169.254.169.254:80:80", false), ("169.254.169.254:8o", false),
    ("169.254.169.254@evil.example", false), ("evil.example@169.254.169.254", false),
    ("[169.254.169.254", false), ("[]", false), ("", false), (":80", false),
    ("[fe80::a9fe:a9fe]x", false), ("fd00:ec2::254", false),
  ]

  @Test("a Host is ours or foreign", arguments: cases)
  func host(_ host: String?, _ isOurs: Bool) {
    #expect((Self.rule.refusal(for: request("/", host)) == nil) == isOurs)
  }

  static let targets: [(String, String?, Bool)] = [
    ("http://evil.example/latest/", "169.254.169.254", false),
    ("http://169.254.169.254/latest/", "evil.example", true),
    ("HTTP://169.254.169.254:80", "evil.example", true),
    ("http://evil.example?x=/169.254.169.254", "169.254.169.254", false),
    ("http://169.254.169.254@evil.example/", "169.254.169.254", false),
    ("http://evil.example#@169.254.169.254/", "169.254.169.254", false),
    ("http:///latest", "169.254.169.254", false),
    ("/http://evil.example/", "169.254.169.254", true),
  ]

  @Test("the authority of an absolute target counts in place of the Host", arguments: targets)
  func authority(_ target: String, _ host: String?, _ isOurs: Bool) {
    #expect((Self.rule.refusal(for: request(target, host)) == nil) == isOurs)
  }

  @Test("localhost is ours where the connection is the host's own")
  func localhost() {
    for (local, isOurs) in [("127.0.0.9", true), ("::1", true), ("10.9.9.9", false)] {
      let request = request("/", "localhost:8775", local: local)
      #expect((Self.rule.refusal(for: request) == nil) == isOurs)
    }
  }

  @Test("what the log says of a foreign Host is bounded and says what to do")
  func detail() {
    let refusal = Self.rule.refusal(for: request("/", String(repeating: "e", count: 4000)))
    #expect(refusal?.detail.utf8.count ?? 0 < 250)
    #expect(refusal?.detail.contains("metadata_names") == true)
  }

  static let checks: [(HostRule.Check, Int, [String: UInt64])] = [
    (.off, 200, [:]), (.audit, 200, ["audit.foreign-host": 3]),
    (.enforce, 421, ["refusals.foreign-host": 3]),
  ]

  @Test(
    "a foreign Host is refused, noted or let be, also where the answer is kept", arguments: checks)
  func check(_ check: HostRule.Check, _ status: Int, _ counts: [String: UInt64]) async throws {
    let fixture = try await ServiceFixture(
      [AnswerCacheTests.instance("one")], hosts: HostRule(check: check))
    let path = "/latest/meta-data/hostname"
    #expect(await fixture.ask(path, from: "10.0.0.5", host: "169.254.169.254").status == 200)
    for _ in 0..<3 {
      #expect(await fixture.ask(path, from: "10.0.0.5", host: "evil.example").status == status)
    }
    #expect(fixture.service.counters.values.filter { $0.key.contains("foreign") } == counts)
    #expect(fixture.audited.count == Int(counts["audit.foreign-host"] ?? 0))
    #expect(fixture.refused.count == Int(counts["refusals.foreign-host"] ?? 0))
    #expect(await fixture.ask(path, from: "10.0.0.5").status == 200)
  }

  private func request(_ target: String, _ host: String?, local: String = "10.9.9.9")
    -> GuestRequest
  {
    var fields = RequestFields()
    fields.host = host.map { Array($0.utf8) }
    return GuestRequest(
      Question(method: .get, target: Array(target.utf8), fields: fields), network: nil,
      source: .v4(0x0A00_0005), local: IPAddress(local))
  }
}

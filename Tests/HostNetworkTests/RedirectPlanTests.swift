import Inventory
import Testing

@testable import HostNetwork

@Suite("A redirect's plan")
struct RedirectPlanTests {
  @Test(
    "an address that cannot be the service's is refused, with the reason",
    arguments: [
      ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("::1", "loopback"),
      ("0.0.0.0", "no address of a host"), ("0.1.2.3", "no address of a host"),
      ("224.0.0.1", "no address of a host"), ("255.255.255.255", "no address of a host"),
      ("::", "no address of a host"), ("ff02::1", "no address of a host"),
      ("fe80::1", "link-local"), ("169.254.169.254", "metadata address itself"),
      ("fd00:ec2::254", "metadata address itself"), ("::ffff:127.0.0.1", "loopback"),
    ])
  func hosts(text: String, reason: String) throws {
    let address = try #require(IPAddress(text))
    let error = #expect(throws: RedirectPlanError.self) {
      try RouterRedirect(
        metadataHostIPv4: address.isIPv4 ? address : nil,
        metadataHostIPv6: address.isIPv4 ? nil : address, metadataPort: 8775)
    }
    #expect(error?.field == "metadata_host")
    #expect(error?.problem.contains(reason) == true, "\(error?.problem ?? "")")
  }

  @Test("what is outside the bounds is refused, with the field")
  func bounds() throws {
    let host = IPAddress.v4(0x0A1E_0002)
    let field = { (body: () throws -> Void) -> String in
      do { try body() } catch { return (error as? RedirectPlanError)?.field ?? "\(error)" }
      return ""
    }
    #expect(field { _ = try RouterRedirect(metadataPort: 80) } == "metadata_host")
    for port in [0, 65536, -1] {
      #expect(
        field { _ = try RouterRedirect(metadataHostIPv4: host, metadataPort: port) }
          == "metadata_port")
    }
    for prefix in ["", "seventeen-letters", "a b", "-a", "é", "a\n"] {
      let made = field {
        _ = try RouterRedirect(metadataHostIPv4: host, metadataPort: 1, chainPrefix: prefix)
      }
      #expect(made == "chain_prefix", "\(prefix)")
    }
    _ = try RouterRedirect(metadataHostIPv4: host, metadataPort: 1, chainPrefix: "sixteen-letters_")
    for device in ["", "lo", "a/b", "..", "sixteen-letters-", "eth+", "a*", "-a", "a b", "a\"b"] {
      #expect(field { _ = try LocalRedirect(devices: [device]) } == "devices", "\(device)")
    }
    #expect(field { _ = try LocalRedirect(devices: ["a", "a"]) } == "devices")
    #expect(field { _ = try LocalRedirect(devices: []) } == "devices")
    #expect(field { _ = try LocalRedirect(devices: ["a"], addresses: []) } == "addresses")
    let many = (0...64).map { "d\($0)" }
    #expect(field { _ = try LocalRedirect(devices: many) } == "devices")
    _ = try LocalRedirect(devices: Array(many.dropLast()))
    let six = try #require(CIDR("fd00::/8"))
    #expect(
      field { _ = try RouterRedirect(metadataHostIPv4: host, metadataPort: 1, guests: [six]) }
        == "metadata_host")
  }

  @Test("nftables' table is one text, written as nft lists it")
  func nftables() throws {
    let guests = try [#require(CIDR("10.20.0.0/24")), #require(CIDR("10.40.0.0/24"))]
    let router = try RouterRedirect(
      metadataHostIPv4: IPAddress("10.30.0.2"), metadataPort: 8775, devices: ["br0"],
      guests: guests)
    let flow = "ct status dnat ct original ip daddr 169.254.169.254 ct original proto-dst 80"
    let from = "iifname \"br0\" ip saddr { 10.20.0.0/24, 10.40.0.0/24 } ip daddr 169.254.169.254"
    #expect(
      NftablesText.definition(router) == """
        table inet nameplate {
        \tchain prerouting {
        \t\ttype nat hook prerouting priority dstnat - 10; policy accept;
        \t\t\(from) tcp dport 80 counter dnat ip to 10.30.0.2:8775
        \t}

        \tchain input {
        \t\ttype filter hook input priority filter - 10; policy accept;
        \t\tip daddr 10.30.0.2 tcp dport 8775 \(flow) counter accept
        \t}

        \tchain forward {
        \t\ttype filter hook forward priority filter - 10; policy accept;
        \t\tip daddr 10.30.0.2 tcp dport 8775 \(flow) counter accept
        \t\tip saddr 10.30.0.2 tcp sport 8775 \(flow) counter accept
        \t\t\(from) meta l4proto tcp counter reject with tcp reset
        \t\t\(from) counter reject with icmp port-unreachable
        \t}

        \tchain postrouting {
        \t\ttype nat hook postrouting priority srcnat - 10; policy accept;
        \t\tip daddr 10.30.0.2 tcp dport 8775 \(flow) counter snat ip to ip saddr
        \t}
        }

        """)
  }

  @Test("iptables' text refuses first, translates last, and moves jumps that stand elsewhere")
  func iptables() throws {
    let router = try RouterRedirect(
      metadataHostIPv4: IPAddress("10.30.0.2"), metadataPort: 8775, devices: ["br0"],
      chainPrefix: "nova-network")
    let family = try #require(router.families.first)
    let text = IptablesText(router: router, family: family, isLegacy: false)
    let save = IptablesSave(
      """
      *nat
      :PREROUTING ACCEPT [0:0]
      :nova-network-PREROUTING - [0:0]
      [3:180] -A PREROUTING -m comment --comment "-j nova-network-PREROUTING" -j ACCEPT
      [2:120] -A PREROUTING -m comment --comment nameplate -j nova-network-PREROUTING
      COMMIT
      """)
    let step = text.install(over: save)
    let flow = "-m conntrack --ctstate DNAT --ctorigdst 169.254.169.254 --ctorigdstport 80"
    let mark = "-m comment --comment nameplate"
    #expect(
      step.description == """
        # iptables-nft-restore --noflush --wait
        *filter
        :nova-network-INPUT - [0:0]
        :nova-network-FORWARD - [0:0]
        -A nova-network-INPUT -d 10.30.0.2/32 -p tcp -m tcp --dport 8775 \(flow) \(mark) -j ACCEPT
        -A nova-network-FORWARD -d 10.30.0.2/32 -p tcp -m tcp --dport 8775 \(flow) \(mark) -j ACCEPT
        -A nova-network-FORWARD -s 10.30.0.2/32 -p tcp -m tcp --sport 8775 \(flow) \(mark) -j ACCEPT
        -A nova-network-FORWARD -i br0 -d 169.254.169.254/32 -p tcp \(mark) -j REJECT \
        --reject-with tcp-reset
        -A nova-network-FORWARD -i br0 -d 169.254.169.254/32 \(mark) -j REJECT \
        --reject-with icmp-port-unreachable
        -I INPUT 1 \(mark) -j nova-network-INPUT
        -I FORWARD 1 \(mark) -j nova-network-FORWARD
        COMMIT
        *nat
        :nova-network-PREROUTING - [0:0]
        :nova-network-POSTROUTING - [0:0]
        -D PREROUTING -m comment --comment nameplate -j nova-network-PREROUTING
        -A nova-network-PREROUTING -i br0 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 \(mark) \
        -j DNAT --to-destination 10.30.0.2:8775
        -A nova-network-POSTROUTING -d 10.30.0.2/32 -p tcp -m tcp --dport 8775 \(flow) \(mark) \
        -j ACCEPT
        -I PREROUTING 1 \(mark) -j nova-network-PREROUTING
        -I POSTROUTING 1 \(mark) -j nova-network-POSTROUTING
        COMMIT

        """)
  }

  @Test("the backend is what the host uses; where it uses several, the one that binds all")
  func backends() throws {
    var survey = RedirectSurvey(iptables: [.iptablesNft, .iptablesLegacy])
    let nat = NftablesTable(
      family: "ip", name: "nat", chains: ["POSTROUTING"], baseChains: ["POSTROUTING"])
    let native = NftablesTable(family: "inet", name: "filter", chains: ["a"], baseChains: ["a"])
    let chosen = { (survey: RedirectSurvey) in try survey.choose(.auto).backend }
    #expect(try chosen(survey) == .iptablesNft)
    survey.nftables = []
    #expect(try chosen(survey) == .nftables)
    survey.nftables = [nat]
    #expect(try chosen(survey) == .iptablesNft)
    survey.nftables = [nat, native]
    #expect(try chosen(survey) == .nftables)
    survey.nftables = []
    survey.hasLegacyRules = true
    #expect(try chosen(survey) == .iptablesLegacy)
    survey.nftables = [nat]
    #expect(try chosen(survey) == .nftables)
    survey.installed = [.iptablesLegacy]
    #expect(try chosen(survey) == .iptablesLegacy)
    #expect(try survey.choose(.nftables).backend == .nftables)
    #expect(throws: RedirectError.self) { try RedirectSurvey().choose(.auto) }
  }

  @Test("a record is read as it was written; what is none is nil")
  func records() {
    var record = RedirectRecord(shape: .router)
    record.backend = .iptablesNft
    record.chainPrefix = "nameplate"
    record.absent = ["ip nat", "ip nat PREROUTING"]
    record.devices = ["br0"]
    record.found = ["x"]
    #expect(RedirectRecord(record.text) == record)
    for text in ["", "{", "[]", "{\"version\": 2}", "{\"version\":1,\"shape\":\"x\"}"] {
      #expect(RedirectRecord(text) == nil)
    }
  }
}

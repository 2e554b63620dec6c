import Inventory
import Libvirt
import Testing

@Suite("A libvirt domain's XML")
struct DomainReaderTests {
  static let uuid = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"

  /// As libvirt 9 writes it for a running domain.
  static func domain(metadata: String = "", name: String = "web-1") -> String {
    """
    <domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
      <name>\(name)</name>
      <uuid>\(uuid)</uuid>
      <metadata>
        <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
          <libosinfo:os id="http://debian.org/debian/12"/>
        </libosinfo:libosinfo>
        \(metadata)
      </metadata>
      <memory unit='KiB'>2097152</memory>
      <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
      <devices>
        <emulator>/usr/bin/qemu-system-x86_64</emulator>
        <interface type='network'>
          <mac address='52:54:00:AA:BB:01'/>
          <source network='net-a' portid='0e1b' bridge='virbr1'/>
          <target dev='vnet3'/>
          <model type='virtio'/>
        </interface>
        <interface type='bridge'>
          <mac address='52:54:00:aa:bb:02'/>
          <source bridge='br-int'/>
          <virtualport type='openvswitch'>
            <parameters interfaceid='cd9f6d46-4a3a-43ab-a466-994af9db96fc'/>
          </virtualport>
          <target dev='tapcd9f6d46-4a'/>
        </interface>
        <interface type='hostdev'><source><address type='pci'/></source></interface>
      </devices>
      <qemu:commandline><qemu:arg value='-nodefaults'/></qemu:commandline>
    </domain>
    """
  }

  static func ours(_ text: String) -> String {
    #"<nameplate:instance xmlns:nameplate="urn:nameplate:libvirt:1">"# + text
      + "</nameplate:instance>"
  }

  @Test("name, UUID and cards of a real domain")
  func real() throws {
    let domain = try DomainDescription(xml: Array(Self.domain().utf8))
    #expect(domain.name == "web-1")
    #expect(domain.uuid.description == Self.uuid)
    #expect(domain.ownText == nil)
    #expect(domain.cards.map(\.mac.description) == ["52:54:00:aa:bb:01", "52:54:00:aa:bb:02"])
    #expect(domain.cards.map(\.source) == ["net-a", "br-int"])
    #expect(domain.cards.map(\.device) == ["vnet3", "tapcd9f6d46-4a"])
    #expect(!DomainDescription.mayBeOurs(Array(Self.domain().utf8)))
  }

  @Test(
    "the text of our element, whatever prefix and form it has",
    arguments: [
      (ours("hostname: a"), "hostname: a"),
      (#"<instance xmlns="urn:nameplate:libvirt:1"><![CDATA[a: <b>]]></instance>"#, "a: <b>"),
      (ours("a: &lt;&#x1F680;"), "a: <🚀"), (ours(""), ""),
      (#"<n:instance xmlns:n="urn:nameplate:libvirt:1"/>"#, ""),
    ])
  func ownText(_ element: String, _ expected: String) throws {
    let xml = Array(Self.domain(metadata: element).utf8)
    #expect(DomainDescription.mayBeOurs(xml))
    #expect(try DomainDescription(xml: xml).ownText == expected)
  }

  @Test("an element of another namespace or in another place is not ours")
  func others() throws {
    for element in [
      #"<n:instance xmlns:n="urn:nameplate:libvirt:2">a: 1</n:instance>"#,
      "<instance>a: 1</instance>",
      "<other>\(Self.ours("a: 1"))</other>",
    ] {
      let xml = Array(Self.domain(metadata: element).utf8)
      #expect(try DomainDescription(xml: xml).ownText == nil, "\(element)")
    }
  }

  @Test(
    "hostile or broken XML is refused with a reason",
    arguments: [
      (
        """
        <?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
        <domain><name>&b;</name></domain>
        """, "document type"
      ),
      (
        #"<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/shadow">]><domain><name>&x;</name></domain>"#,
        "document type"
      ),
      ("<?xml version='1.0' encoding='UTF-7'?>+ADw-+ACE-DOCTYPE d+AD4-", "cannot be read"),
      ("<domain><name>&nobody;</name></domain>", "cannot be read"),
      ("<domain><name>a</name>", "ends early"), ("", "ends early"),
      ("<?xml", "ends early"), ("<domain/>", "no name"),
      ("<domain><name>a</name><uuid>x</uuid></domain>", "no UUID"),
      (String(repeating: "<a>", count: 100), "levels"),
      (domain(metadata: ours("a: 1") + ours("a: 2")), "two elements"),
      (domain(metadata: ours("<hostname>a</hostname>")), "YAML, no elements"),
      (domain().replacing("52:54:00:AA:BB:01", with: "52:54"), "not a MAC address"),
      (
        "<domain>" + String(repeating: " ", count: Limits.maximumDomainBytes) + "</domain>",
        "larger than"
      ), ("<domain>\0</domain>", "not UTF-8"),
    ])
  func refused(_ xml: String, _ reason: String) {
    let error = #expect(throws: DomainError.self) { try DomainDescription(xml: Array(xml.utf8)) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }
}

import Dialects
import Inventory
import Testing

@Suite("What a machine's firmware must say")
struct MachineStringsTests {
  private func instance(_ id: String = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", _ more: String = "")
    throws -> Instance
  {
    let resources = try Fixture.resources(yaml: "kind: Instance\nid: \(id)\nhostname: a\n\(more)")
    return try #require(resources.first?.instance)
  }

  @Test("OpenStack's, as Nova sets them")
  func openStack() throws {
    let strings = MachineStrings(for: try instance(), as: .openStack)
    #expect(strings.warnings.isEmpty)
    #expect(
      strings.qemu
        == "-smbios 'type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,"
        + "serial=6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21,"
        + "uuid=6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21,family=Virtual Machine'")
    #expect(strings.libvirt.contains("<entry name='product'>OpenStack Nova</entry>"))
  }

  @Test("EC2's: a UUID that starts with ec2, and a warning where the instance's does not")
  func ec2() throws {
    let own = "ec2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"
    for (id, warnings) in [(own, 0), ("6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", 1)] {
      let strings = MachineStrings(for: try instance(id), as: .ec2)
      #expect(strings.warnings.count == warnings, "\(strings.warnings)")
      #expect(strings.qemu.contains("serial=\(own),uuid=\(own)"), "\(strings.qemu)")
    }
  }

  @Test("values survive a shell and QEMU's commas, and XML")
  func quoting() throws {
    let strings = MachineStrings(
      for: try instance("ec2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21", "instanceType: \"a,b' <&>\""),
      as: .ec2)
    #expect(strings.qemu.contains(#"product=a,,b'\'' <&>,serial"#), "\(strings.qemu)")
    #expect(strings.libvirt.contains("<entry name='product'>a,b' &lt;&amp;&gt;</entry>"))
  }

  @Test("what contradicts itself is warned of")
  func contradictions() throws {
    let other = InstanceID("11111111-2222-4333-8444-555555555555")
    let cases: [(MachineStrings.Target, String, InstanceID?, String)] = [
      (.openStack, "", other, "the domain's UUID is 11111111-2222-4333-8444-555555555555"),
      (.ec2, "", InstanceID("6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"), "<uuid>ec2c9a31-"),
      (.openStack, "metadataOptions: {httpEndpoint: disabled}", nil, "httpEndpoint is disabled"),
      (
        .noCloud, "metadataOptions: {httpTokens: required, httpTokensScope: all}", nil,
        "httpTokens is required"
      ), (.noCloud, "", nil, "cidata"),
    ]
    for (target, more, domain, expected) in cases {
      let id = "6f2c9a31-7d4e-4b0a-9c55-1e8f0a7b3d21"
      let strings = MachineStrings(for: try instance(id, more), as: target, domainUUID: domain)
      #expect(strings.warnings.contains { $0.contains(expected) }, "\(strings.warnings)")
    }
  }
}

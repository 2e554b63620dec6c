import ArgumentParser
import Dialects
import Inventory

struct InstanceSMBIOS: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "smbios",
    abstract: "What the machine's firmware must say for stock cloud-init to look for us.",
    discussion: """
      Examples:
        nameplate instance smbios ID
        nameplate instance smbios ID --dialect ec2 --format libvirt
        nameplate instance smbios ID -f web-1.yaml --format libvirt --domain-uuid UUID

      What contradicts itself is said on standard error.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case qemu
    case libvirt
  }

  @Argument(help: .instanceID) var id: InstanceID
  @Option(help: "openstack, ec2 or nocloud.") var dialect = MachineStrings.Target.openStack
  @Option(help: "qemu: words of its command line; libvirt: elements of a domain.")
  var format = Format.qemu
  @Option(name: .customLong("domain-uuid"), help: "The UUID of the libvirt domain, to be checked.")
  var domainUUID: InstanceID?
  @OptionGroup var records: RecordSourceOptions

  func run() async throws {
    let instance = try await records.withSource { try await $0.instance(id) }
    let strings = MachineStrings(for: instance, as: dialect, domainUUID: domainUUID)
    print(format == .qemu ? strings.qemu : strings.libvirt)
    for warning in strings.warnings { Terminal.write("warning: \(warning)\n") }
  }
}

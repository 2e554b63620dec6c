public import Inventory

/// What a virtual machine's firmware must say for stock cloud-init to look for a service at all
/// (SMBIOS, which Linux shows under /sys/class/dmi/id).
///
/// cloud-init takes the firmware's word and nothing else for the platform that it is on, and since
/// CVE-2024-6174 asks no address without it.
public struct MachineStrings: Sendable, Hashable {
  /// The dialect that the guest is to look for.
  public enum Target: String, Sendable, CaseIterable {
    case openStack = "openstack"
    case ec2
    case noCloud = "nocloud"
  }

  /// A field of the system's table, by its name in QEMU and in libvirt.
  public enum Field: String, Sendable, CaseIterable {
    case manufacturer
    case product
    case serial
    case uuid
    case family
  }

  public var entries: [(field: Field, value: String)]
  /// What will not work as one might think, each in a sentence.
  public var warnings: [String]

  /// - Parameter domainUUID: The UUID of the libvirt domain, where there is one already.
  public init(
    for instance: Instance, as target: Target, domainUUID: InstanceID? = nil
  ) {
    let id = instance.id.description
    warnings = []
    var uuid = id
    switch target {
    case .openStack:
      entries = [
        (.manufacturer, "OpenStack Foundation"), (.product, "OpenStack Nova"), (.serial, id),
        (.uuid, id), (.family, "Virtual Machine"),
      ]
    case .ec2:
      // cloud-init compares these letters, and the serial number with the UUID.
      uuid = id.hasPrefix("ec2") ? id : "ec2\(id.dropFirst(3))"
      entries = [(.manufacturer, "Amazon EC2"), (.serial, uuid), (.uuid, uuid)]
      if let type = instance.instanceType { entries.insert((.product, type), at: 1) }
      if uuid != id {
        warnings.append(
          "cloud-init takes a machine for EC2's where its UUID starts with ec2; the instance's does "
            + "not, so the machine's is \(uuid), which a libvirt domain must have as its own")
      }
    case .noCloud:
      entries = [
        (.serial, "ds=nocloud-net;s=http://169.254.169.254/nocloud/"), (.uuid, id),
      ]
      warnings.append(
        "a drive labelled cidata (nameplate drive write --nocloud) needs none of this")
    }
    if let domainUUID, domainUUID.description != uuid {
      warnings.append(
        "the domain's UUID is \(domainUUID), and libvirt refuses a sysinfo with another one; "
          + "define the domain with <uuid>\(uuid)</uuid>")
    }
    addOptions(instance.declaredMetadataOptions, target)
  }

  private mutating func addOptions(_ declared: MetadataOptions.Declared, _ target: Target) {
    let options = MetadataOptions(declared)
    if options.httpEndpoint == .disabled {
      warnings.append(
        "the instance's httpEndpoint is disabled: the guest will look, and be refused")
    }
    let asksWithoutToken = target != .ec2 && options.httpTokensScope == .all
    if options.httpTokens == .required, asksWithoutToken {
      warnings.append(
        "the instance's httpTokens is required in every dialect, and cloud-init shows a token in "
          + "EC2's only")
    }
  }

  public static func == (left: MachineStrings, right: MachineStrings) -> Bool {
    left.warnings == right.warnings
      && left.entries.elementsEqual(right.entries) { $0 == $1 }
  }

  public func hash(into hasher: inout Hasher) {
    for (field, value) in entries {
      hasher.combine(field)
      hasher.combine(value)
    }
    hasher.combine(warnings)
  }

  // MARK: Forms

  /// The words for QEMU's command line, quoted for a shell.
  public var qemu: String {
    let fields = entries.map { field, value in
      // A comma ends a value; two stand for one.
      let doubled = value.split(separator: ",", omittingEmptySubsequences: false)
        .joined(separator: ",,")
      return "\(field.rawValue)=\(doubled)"
    }
    let text = (["type=1"] + fields).joined(separator: ",")
    let quoted = text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: #"'\''"#)
    return "-smbios '\(quoted)'"
  }

  /// What goes into a libvirt domain.
  public var libvirt: String {
    let lines = entries.map { field, value in
      "    <entry name='\(field.rawValue)'>\(MachineStrings.escaped(value))</entry>"
    }
    return """
      <os>
        <smbios mode='sysinfo'/>
      </os>
      <sysinfo type='smbios'>
        <system>
      \(lines.joined(separator: "\n"))
        </system>
      </sysinfo>
      """
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

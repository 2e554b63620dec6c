import Inventory
import OrderedCollections

/// ec2/VERSION/meta-data.json of a config drive: the EC2 tree of Nova's newest version as one
/// object, in Nova's order and with Nova's types (recorded from Nova 34).
enum EC2DriveDocument {
  /// The directories of a drive that have it. To Nova both are the same version.
  static let versions = [EC2Version.april2009.date, "latest"]

  static func value(for input: RenderInput) -> JSONValue {
    let guest = EC2Guest(input: input, version: .april2009)
    let instance = guest.instance
    let hostname = JSONValue(input.fullHostname)
    var members: OrderedDictionary<String, JSONValue> = [
      "ami-id": JSONValue(guest.amiID),
      "ami-launch-index": JSONValue(instance.launchIndex),
      "ami-manifest-path": "FIXME",
      "instance-id": JSONValue(guest.view.ec2InstanceID),
      "hostname": hostname,
      "local-ipv4": JSONValue(guest.firstIPv4?.description),
      "reservation-id": JSONValue(instance.reservationID),
      "security-groups": .array(instance.securityGroups.map(JSONValue.init)),
    ]
    if !guest.view.keys.isEmpty { members["public-keys"] = keys(of: guest) }
    members["local-hostname"] = hostname
    members["public-hostname"] = hostname
    members["public-ipv4"] = .string(guest.publicIPv4?.description ?? "")
    if let type = instance.instanceType { members["instance-type"] = JSONValue(type) }
    members["block-device-mapping"] = JSONValue(members: guest.blockDevices)
    if let id = instance.kernelID { members["kernel-id"] = JSONValue(id) }
    if let id = instance.ramdiskID { members["ramdisk-id"] = JSONValue(id) }
    members["placement"] = ["availability-zone": JSONValue(instance.availabilityZone)]
    members["instance-action"] = "none"
    return .object(members)
  }

  private static func keys(of guest: EC2Guest) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [:]
    for (index, key) in guest.view.keys.enumerated() {
      members[String(index)] = ["openssh-key": JSONValue(key.publicKey)]
    }
    return .object(members)
  }
}

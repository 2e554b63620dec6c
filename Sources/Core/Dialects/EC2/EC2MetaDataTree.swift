import Inventory

/// `meta-data/`: every leaf with the version that brought it.
///
/// Up to 2009-04-04 this is Nova's tree, in which some unset values have a text (measured on Nova
/// 34); the leaves of AWS start together with the first of its versions that we serve.
enum EC2MetaDataTree {
  static let rows = EC2Table(identity + names + hardware + placement + keys)

  private static let identity: [EC2Entry<EC2Guest>] = [
    .leaf("ami-id") { $0.amiID ?? $0.inNova("None") },
    .leaf(always: "ami-launch-index") { ByteText(String($0.instance.launchIndex)) },
    .leaf(always: "ami-manifest-path") { $0.inNova("FIXME") ?? "(unknown)" },
    .leaf(always: "instance-action", since: .september2008) { _ in "none" },
    .leaf(always: "instance-id") { $0.view.ec2InstanceID },
    .leaf(always: "instance-life-cycle", since: .firstOfAWS) { _ in "on-demand" },
    .leaf("instance-type", since: .august2007) { $0.instance.instanceType },
    .leaf("kernel-id", since: .december2007) { $0.instance.kernelID },
    .leaf(always: "profile", since: .firstOfAWS) { _ in "default-hvm" },
    .leaf("ramdisk-id", since: .december2007) { $0.instance.ramdiskID },
    .leaf("reservation-id") { $0.instance.reservationID ?? $0.inNova("None") },
    .directory("services", since: .firstOfAWS, services),
    .directory("tags", since: .march2021, tags),
  ]

  private static let names: [EC2Entry<EC2Guest>] = [
    .leaf(always: "hostname") { $0.input.fullHostname },
    .leaf("ipv6", since: .firstOfAWS) { $0.firstIPv6 },
    .leaf(always: "local-hostname", since: .january2007) { $0.input.fullHostname },
    .leaf("local-ipv4") { $0.localIPv4 },
    .leaf("mac", since: .firstOfAWS) { $0.instance.firstMAC },
    .directory("network", since: .firstOfAWS, EC2NetworkTree.rows),
    .leaf(always: "public-hostname", since: .january2007) { $0.input.fullHostname },
    .leaf("public-ipv4", since: .january2007) { guest in
      guest.publicIPv4.map { ByteText($0) } ?? guest.inNova("")
    },
    // Nova's empty answer stays in every version: an instance in no group is in none, and clients
    // of `latest` expect the leaf.
    .leaf(always: "security-groups") {
      ByteText(joining: $0.instance.securityGroups, by: "\n")
    },
  ]

  private static let hardware: [EC2Entry<EC2Guest>] = [
    .directory("block-device-mapping", since: .december2007) { $0.blockDevices }
  ]

  private static let placement: [EC2Entry<EC2Guest>] = [
    .directory("placement", since: .february2008, places)
  ]

  private static let places: EC2Table<EC2Guest> = [
    .leaf("availability-zone") { $0.instance.availabilityZone ?? $0.inNova("None") },
    .leaf("availability-zone-id", since: .firstOfAWS) { $0.instance.availabilityZoneID },
    .leaf("group-name", since: .firstOfAWS) { $0.instance.placementGroup },
    .leaf("region", since: .firstOfAWS) { $0.region },
  ]

  /// What AWS' own clients build host names from.
  private static let services: EC2Table<EC2Guest> = [
    .leaf(always: "domain") { _ in "amazonaws.com" },
    .leaf(always: "partition") { _ in "aws" },
  ]

  private static let tags: EC2Table<EC2Guest> = [
    .directory("instance") { $0.shownTags }
  ]

  private static let keys: [EC2Entry<EC2Guest>] = [
    .directory("public-keys", exists: { $0.view.publicKey(at: 0) != nil }) { path, _ in
      guard let segment = path.first else {
        return { guest in
          EC2Listing.node(
            guest.view.keys.enumerated().map { index, key in
              let number = String(index)
              return ListingEntry(
                listed: ByteText(joining: [ByteText(number), key.name], by: "="), segment: number)
            })
        }
      }
      guard let number = Int(segment), String(number) == segment else { return nil }
      switch Array(path.dropFirst()) {
      case []:
        return { guest in
          guest.view.publicKey(at: number).map { _ in .listing([ListingEntry(leaf: "openssh-key")])
          }
        }
      case ["openssh-key"]:
        return { guest in
          guest.view.publicKey(at: number).map { .document(Document(text: $0)) }
        }
      default: return nil
      }
    }
  ]
}

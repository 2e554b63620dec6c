import Inventory
import OrderedCollections

/// The leaves under `meta-data/`, one row each: name, first version, value.
enum EC2MetaData {
  struct Row: Sendable {
    let name: String
    let since: EC2Version
    let value: @Sendable (RenderInput, EC2Version) -> TreeNode?

    init(
      _ name: String, since: EC2Version = .v1_0,
      _ value: @escaping @Sendable (RenderInput, EC2Version) -> TreeNode?
    ) {
      self.name = name
      self.since = since
      self.value = value
    }
  }

  static func tree(_ input: RenderInput, _ version: EC2Version) -> Directory {
    Directory(
      rows.lazy.filter { version >= $0.since }.map { row in
        Directory.Child(name: row.name) { row.value(input, version) }
      })
  }

  private static let rows: [Row] = [
    Row("ami-id") { input, version in declared(input.view.instance.ec2.amiID, version) },
    Row("ami-launch-index") { input, _ in .text(String(input.view.instance.launchIndex)) },
    // Nova never learnt a path; AWS has none for images of its own either.
    Row("ami-manifest-path") { _, version in .text(version.isNovas ? "FIXME" : "(unknown)") },
    Row("block-device-mapping", since: .v2007_12_15) { input, _ in .directory(blocks(input)) },
    Row("hostname") { input, _ in .text(input.fullHostname) },
    Row("instance-action", since: .v2008_09_01) { _, _ in .text("none") },
    Row("instance-id") { input, _ in .text(input.view.ec2InstanceID) },
    Row("instance-life-cycle", since: .v2016_09_02) { _, _ in .text("on-demand") },
    Row("instance-type", since: .v2007_08_29) { input, version in
      declared(input.view.instance.instanceType, version)
    },
    Row("ipv6", since: .v2016_09_02) { input, _ in
      EC2Network.addresses(input, isIPv4: false).first.map { .text($0.description) }
    },
    Row("kernel-id", since: .v2007_12_15) { input, _ in
      input.view.instance.ec2.kernelID.map(TreeNode.text)
    },
    Row("local-hostname", since: .v2007_01_19) { input, _ in .text(input.fullHostname) },
    Row("local-ipv4") { input, _ in
      let own = EC2Network.addresses(input, isIPv4: true).first
      let asking = input.sourceAddress.flatMap { $0.isIPv4 ? $0 : nil }
      return (own ?? asking).map { .text($0.description) }
    },
    Row("mac", since: .v2016_09_02) { input, _ in
      input.view.instance.interfaces.lazy.compactMap(\.mac).first.map { .text($0.description) }
    },
    Row("network", since: .v2016_09_02) { input, _ in EC2Network.tree(input) },
    Row("placement", since: .v2008_02_01) { input, version in placement(input, version) },
    Row("profile", since: .v2016_09_02) { _, _ in .text("default-hvm") },
    Row("public-hostname", since: .v2007_01_19) { input, _ in .text(input.fullHostname) },
    Row("public-ipv4", since: .v2007_01_19) { input, version in
      let floating = EC2Network.floatingIPs(input).first
      return floating.map { .text($0.description) } ?? (version.isNovas ? .text("") : nil)
    },
    Row("public-keys") { input, _ in publicKeys(input) },
    Row("ramdisk-id", since: .v2007_12_15) { input, _ in
      input.view.instance.ec2.ramdiskID.map(TreeNode.text)
    },
    Row("reservation-id") { input, version in
      declared(input.view.instance.reservationID, version)
    },
    Row("security-groups") { input, _ in .lines(input.view.instance.securityGroups) },
    Row("services", since: .v2016_09_02) { _, _ in .directory(services) },
    Row("tags", since: .v2021_03_23) { input, _ in tags(input) },
  ]

  /// An undeclared value is the text `None` in Nova's versions and absent in AWS'.
  private static func declared(_ value: String?, _ version: EC2Version) -> TreeNode? {
    value.map(TreeNode.text) ?? (version.isNovas ? .text("None") : nil)
  }

  /// Nova's names for devices where none are declared.
  private static let defaultBlocks = [
    ("ami", "sda1"), ("ephemeral0", "sda2"), ("root", "/dev/sda1"), ("swap", "sda3"),
  ]

  private static func blocks(_ input: RenderInput) -> Directory {
    let declared = input.view.instance.blockDevices.map { ($0.virtual, $0.device) }
    return Directory(
      (declared.isEmpty ? defaultBlocks : declared).map { name, device in
        Directory.Child(name: name) { .text(device) }
      })
  }

  private static func placement(_ input: RenderInput, _ version: EC2Version) -> TreeNode? {
    let instance = input.view.instance
    guard !version.isNovas else {
      return .directory(
        Directory(
          instance,
          [LeafRow("availability-zone") { declared($0.availabilityZone, version) }]))
    }
    return Directory(
      instance,
      [
        LeafRow("availability-zone") { $0.availabilityZone.map(TreeNode.text) },
        LeafRow("availability-zone-id") { $0.availabilityZoneID.map(TreeNode.text) },
        LeafRow("group-name") { $0.placementGroup.map(TreeNode.text) },
        LeafRow("region") { EC2Region.of($0).map(TreeNode.text) },
      ]
    ).unlessEmpty
  }

  private static func publicKeys(_ input: RenderInput) -> TreeNode? {
    Directory(
      input.view.keys.enumerated().map { index, key in
        Directory.Child(name: String(index), listedAs: "\(index)=\(key.name)") {
          .directory(Directory([Directory.Child(name: "openssh-key") { .text(key.publicKey) }]))
        }
      }
    ).unlessEmpty
  }

  private static let services = Directory([
    Directory.Child(name: "domain") { .text("amazonaws.com") },
    Directory.Child(name: "partition") { .text("aws") },
  ])

  private static func tags(_ input: RenderInput) -> TreeNode? {
    let instance = input.view.instance
    guard instance.metadataOptions.instanceMetadataTags == .enabled, !instance.tags.isEmpty else {
      return nil
    }
    return .directory(
      Directory([
        Directory.Child(name: "instance") {
          .directory(
            Directory(
              instance.tags.map { key, value in Directory.Child(name: key) { .text(value) } }))
        }
      ]))
  }
}

/// The region of an instance.
enum EC2Region {
  /// The declared one, or what an availability zone of AWS' form says: `eu-test-1a` is in
  /// `eu-test-1`.
  static func of(_ instance: Instance) -> String? {
    if let region = instance.region { return region }
    guard let zone = instance.availabilityZone, let letter = zone.utf8.last,
      (0x61...0x7A).contains(letter)
    else { return nil }
    let region = zone.dropLast()
    let words = region.split(separator: "-", omittingEmptySubsequences: false)
    guard words.count >= 3, words.last?.utf8.allSatisfy({ (0x30...0x39).contains($0) }) == true,
      words.allSatisfy({ !$0.isEmpty })
    else { return nil }
    return String(region)
  }
}

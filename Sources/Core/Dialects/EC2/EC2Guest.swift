import Inventory

/// What EC2's leaves are computed from: an instance, and the version that is asked for.
struct EC2Guest: EC2Subject {
  let input: RenderInput
  let version: EC2Version

  var view: InstanceView { input.view }
  var instance: PackedInstance { input.view.instance }

  /// Nova's word for an unset value, in Nova's versions; newer versions leave the value out.
  func inNova(_ text: @autoclosure () -> ByteText) -> ByteText? {
    version < .firstOfAWS ? text() : nil
  }

  // MARK: Addresses

  var firstIPv4: IPAddress? { instance.firstAddress(where: \.isIPv4) }

  /// The first fixed IPv4, else the address that asks: Nova says whatever that is, AWS' versions
  /// only what the name promises.
  var localIPv4: IPAddress? {
    if let firstIPv4 { return firstIPv4 }
    guard let source = input.sourceAddress else { return nil }
    return source.isIPv4 || version < .firstOfAWS ? source : nil
  }

  var publicIPv4: IPAddress? { instance.firstFloatingIP(where: \.isIPv4) }

  var firstIPv6: IPAddress? { instance.firstAddress { !$0.isIPv4 && !$0.isLinkLocal } }

  /// The MACs of the interfaces that a guest can tell apart.
  var macs: Set<MACAddress> { Set(instance.interfaces.compactMap(\.mac)) }

  /// The first interface of a MAC.
  func card(of mac: MACAddress) -> EC2Card? {
    for (index, interface) in instance.interfaces.enumerated() where interface.mac == mac {
      return EC2Card(
        guest: self, deviceNumber: index, mac: mac, interface: interface,
        network: view.network(of: interface))
    }
    return nil
  }

  // MARK: Devices

  /// The declared block devices, else what Nova says of an instance without any.
  var blockDevices: [(key: ByteText, value: ByteText)] {
    let declared = instance.blockDevices
    return declared.isEmpty ? EC2Guest.novasBlockDevices : declared
  }

  private static let novasBlockDevices: [(key: ByteText, value: ByteText)] = [
    (key: "ami", value: "sda1"), (key: "ephemeral0", value: "sda2"),
    (key: "root", value: "/dev/sda1"), (key: "swap", value: "sda3"),
  ]

  /// The instance tags, where the guest may see them.
  var shownTags: [(key: ByteText, value: ByteText)] {
    view.metadataOptions.instanceMetadataTags == .enabled ? instance.tags : []
  }

  // MARK: Ids

  var amiID: ByteText? { instance.amiID ?? EC2ID.derived("ami-", from: instance.imageID) }

  /// AWS' account, which OpenStack calls a project.
  var ownerID: ByteText? { instance.accountID ?? instance.project }

  // MARK: Places

  /// The declared region, else the zone without its letter where it looks like one of AWS'.
  var region: ByteText? {
    instance.region ?? instance.availabilityZone.flatMap(EC2Guest.region(ofZone:))
  }

  /// `eu-test-1` of `eu-test-1a`: two or three words, a digit and a letter, which is what EC2
  /// Instance Connect takes for a zone.
  static func region(ofZone zone: ByteText) -> ByteText? {
    let parts = zone.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    guard (3...4).contains(parts.count), let last = parts.last, last.count == 2,
      let digit = last.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit),
      last.last.map(isLetter) == true,
      parts.dropLast().allSatisfy({ !$0.isEmpty && $0.allSatisfy(isLetter) })
    else { return nil }
    return zone.dropLast()
  }
}

/// Ids of EC2's form, for what is declared under others.
enum EC2ID {
  /// An id that has EC2's form already, or the first 17 digits of a UUID under EC2's prefix; nil
  /// for any other text.
  static func derived(_ prefix: ByteText, from id: ByteText?) -> ByteText? {
    guard let id else { return nil }
    if id.utf8.starts(with: prefix.utf8) { return id }
    return InstanceID(id).map { ByteText(joining: [prefix, $0.hexDigits.prefix(17)]) }
  }

  /// An id of EC2's form for what has none: the same text gives the same id.
  static func made(_ prefix: ByteText, from text: String) -> ByteText {
    // FNV-1a: nothing hangs on two texts never meeting.
    let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let digits = String(hash, radix: 16)
    let zeros = String(repeating: "0", count: 17 - digits.utf8.count)
    return ByteText(joining: [prefix, ByteText(zeros + digits)])
  }
}

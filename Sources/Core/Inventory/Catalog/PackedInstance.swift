import OrderedCollections

/// An instance as the catalogue keeps it: a few bytes, of which a field is read when it is asked for.
/// A request needs one or ten of them, and whoever needs all takes the ``unpacked`` instance.
///
/// The fields are ``Instance``'s. An object, so that a look at it counts one reference and touches none
/// of what it shares with others.
public final class PackedInstance: Sendable {
  public let id: InstanceID
  let revision: Revision
  /// When it was first declared, in seconds since 1970.
  public let createdAtSeconds: Int
  private let fields: PackedFields
  /// Once in memory for all instances that have the same.
  let userDataContent: UserDataPool.Content?
  /// Its guest's requests that were answered without a session token, by dialect.
  public let tokenless: RequestTally

  init(_ record: Record, of instance: Instance) {
    id = instance.id
    revision = record.revision
    createdAtSeconds = record.createdAtSeconds
    userDataContent = instance.userData.map { UserDataPool.Content($0.revealed) }
    fields = PackedFields(instance, knownEC2InstanceID: record.ec2InstanceID)
    tokenless = RequestTally()
  }

  /// The same instance with parts that others have too.
  /// - Parameter content: Its user data's own bytes, or others of the same content.
  init(_ packed: PackedInstance, userData content: UserDataPool.Content?, tokenless: RequestTally) {
    id = packed.id
    revision = packed.revision
    createdAtSeconds = packed.createdAtSeconds
    fields = packed.fields
    userDataContent = content
    self.tokenless = tokenless
  }

  /// Where its fields are in memory, to have them fetched.
  var fieldsAddress: UInt { fields.address }

  /// The one that the instance is known by, declared or not.
  var knownEC2InstanceID: ByteText? { fields.text(.knownEC2InstanceID) }

  var record: Record {
    Record(
      resource: .instance(unpacked), revision: revision, createdAtSeconds: createdAtSeconds,
      ec2InstanceID: knownEC2InstanceID?.string)
  }

  /// Whether a text's bytes are among the fields', which is quicker to find out than what they say.
  public func mentions(_ text: [UInt8]) -> Bool { fields.bytes.contains(text) }

  // MARK: Fields

  public var hostname: ByteText { fields.text(.hostname) ?? "" }
  public var project: ByteText? { fields.text(.project) }
  public var user: ByteText? { fields.text(.user) }
  public var name: ByteText? { fields.text(.name) }
  public var domain: ByteText? { fields.text(.domain) }
  public var host: ByteText? { fields.text(.host) }
  public var reservationID: ByteText? { fields.text(.reservationID) }
  public var availabilityZone: ByteText? { fields.text(.availabilityZone) }
  public var availabilityZoneID: ByteText? { fields.text(.availabilityZoneID) }
  public var region: ByteText? { fields.text(.region) }
  public var placementGroup: ByteText? { fields.text(.placementGroup) }
  public var instanceType: ByteText? { fields.text(.instanceType) }
  public var architecture: ByteText? { fields.text(.architecture) }
  public var accountID: ByteText? { fields.text(.accountID) }
  public var imageID: ByteText? { fields.text(.imageID) }
  public var amiID: ByteText? { fields.text(.amiID) }
  public var kernelID: ByteText? { fields.text(.kernelID) }
  public var ramdiskID: ByteText? { fields.text(.ramdiskID) }
  public var adminPassword: Secret<String>? {
    fields.text(.adminPassword).map { Secret($0.string) }
  }
  public var injectedNetworkConfig: ByteText? { fields.text(.injectedNetworkConfig) }
  public var userData: Secret<[UInt8]>? { userDataContent.map { Secret($0.bytes) } }

  public var launchIndex: Int {
    fields.value(.launchIndex) { reader throws(ByteReader.Malformed) in
      Int(clamping: try reader.number())
    } ?? 0
  }
  public var bootRoles: [ByteText] { texts(.bootRoles) }
  /// What is found for the first key for which something is.
  func firstKey<Result>(_ find: (PackedKey) -> Result?) -> Result? {
    fields.first(.keys) { reader throws(ByteReader.Malformed) in
      find(try PackedKey(unpacking: &reader))
    }
  }
  func eachKey(_ body: (PackedKey) -> Void) {
    _ = firstKey { key -> Void? in
      body(key)
      return nil
    }
  }
  /// Each key once.
  public var metadata: [(key: ByteText, value: ByteText)] { items(.metadata) }
  public var hasMetadata: Bool { fields.range(of: .metadata) != nil }
  /// The same, of which no array is made.
  public func eachMetadata(_ body: (_ key: ByteText, _ value: ByteText) -> Void) {
    _ = fields.first(.metadata) { reader throws(ByteReader.Malformed) -> Void? in
      body(try reader.text(), try reader.text())
      return nil
    }
  }
  /// Each key once.
  public var tags: [(key: ByteText, value: ByteText)] { items(.tags) }
  public var securityGroups: [ByteText] { texts(.securityGroups) }
  public var declaredMetadataOptions: MetadataOptions.Declared {
    fields.value(.metadataOptions, MetadataOptions.Declared.init(unpacking:))
      ?? MetadataOptions.Declared()
  }
  var declaresMetadataOptions: Bool { fields.range(of: .metadataOptions) != nil }
  /// The devices by what they are to the guest.
  public var blockDevices: [(key: ByteText, value: ByteText)] { items(.blockDevices) }
  public var devices: [Device] { fields.list(.devices, Device.init(unpacking:)) }
  public var dedicatedCPUs: [Int]? {
    fields.value(.dedicatedCPUs) { reader throws(ByteReader.Malformed) in
      try reader.list { reader throws(ByteReader.Malformed) in Int(clamping: try reader.number()) }
    }
  }
  public var interfaces: [NetworkInterface] {
    fields.list(.interfaces, NetworkInterface.init(unpacking:))
  }
  public var vendorData: JSONValue? {
    fields.value(.vendorData) { reader in reader.rest() }.flatMap { try? JSONValue(parsing: $0) }
  }
  public var files: [InjectedFile] {
    fields.list(.files) { reader throws(ByteReader.Malformed) in
      InjectedFile(path: try reader.text().string, content: Secret(try reader.blob()))
    }
  }

  /// The first address that the instance is known by.
  public var firstAddress: FixedAddress? { interfaces.lazy.flatMap(\.addresses).first }

  /// The first fixed address that is such a one.
  public func firstAddress(where isSuch: (IPAddress) -> Bool) -> IPAddress? {
    firstFact { fact in
      if case .address(let address) = fact, isSuch(address) { address } else { nil }
    }
  }

  /// The first floating address that is such a one.
  public func firstFloatingIP(where isSuch: (IPAddress) -> Bool) -> IPAddress? {
    firstFact { fact in
      if case .floatingIP(let address) = fact, isSuch(address) { address } else { nil }
    }
  }

  public var firstMAC: MACAddress? {
    firstFact { fact in if case .mac(let mac) = fact { mac } else { nil } }
  }

  /// What is found in the first fact of the interfaces in which something is. Nothing is made of what
  /// else they say.
  private func firstFact<Result>(_ find: (NetworkInterface.Fact) -> Result?) -> Result? {
    fields.first(.interfaces) { reader throws(ByteReader.Malformed) in
      try NetworkInterface.firstFact(unpacking: &reader, find)
    }
  }

  private func texts(_ field: PackedFields.Field) -> [ByteText] {
    fields.list(field) { reader throws(ByteReader.Malformed) in try reader.text() }
  }

  private func items(_ field: PackedFields.Field) -> [(key: ByteText, value: ByteText)] {
    fields.list(field) { reader throws(ByteReader.Malformed) in
      (key: try reader.text(), value: try reader.text())
    }
  }

  /// All fields at once.
  public var unpacked: Instance {
    var instance = Instance(id: id, hostname: hostname.string)
    instance.project = project?.string
    instance.user = user?.string
    instance.name = name?.string
    instance.domain = domain?.string
    instance.host = host?.string
    instance.launchIndex = launchIndex
    instance.reservationID = reservationID?.string
    instance.availabilityZone = availabilityZone?.string
    instance.availabilityZoneID = availabilityZoneID?.string
    instance.region = region?.string
    instance.placementGroup = placementGroup?.string
    instance.instanceType = instanceType?.string
    instance.architecture = architecture?.string
    instance.accountID = accountID?.string
    instance.imageID = imageID?.string
    instance.bootRoles = bootRoles.map(\.string)
    instance.ec2.instanceID = fields.text(.ec2InstanceID)?.string
    instance.ec2.amiID = amiID?.string
    instance.ec2.kernelID = kernelID?.string
    instance.ec2.ramdiskID = ramdiskID?.string
    instance.keys = fields.list(.keys, PackedKey.init(unpacking:)).map(KeyReference.init)
    instance.userData = userData
    instance.metadata = PackedInstance.dictionary(metadata)
    instance.tags = PackedInstance.dictionary(tags)
    instance.vendorData = vendorData
    instance.securityGroups = securityGroups.map(\.string)
    instance.blockDevices = blockDevices.map {
      BlockDevice(virtual: $0.key.string, device: $0.value.string)
    }
    instance.devices = devices
    instance.dedicatedCPUs = dedicatedCPUs
    instance.adminPassword = adminPassword
    instance.files = files
    instance.injectedNetworkConfig = injectedNetworkConfig?.string
    instance.interfaces = interfaces
    instance.declaredMetadataOptions = declaredMetadataOptions
    return instance
  }

  private static func dictionary(
    _ items: [(key: ByteText, value: ByteText)]
  ) -> OrderedDictionary<String, String> {
    OrderedDictionary(
      items.lazy.map { ($0.key.string, $0.value.string) },
      uniquingKeysWith: { first, _ in first })
  }
}

extension [UInt8] {
  /// Whether some bytes stand in these, one after another.
  func contains(_ text: [UInt8]) -> Bool {
    guard let first = text.first, count >= text.count else { return text.isEmpty }
    return indices.dropLast(text.count - 1).contains { start in
      self[start] == first && self[start..<(start + text.count)].elementsEqual(text)
    }
  }
}

/// Among the fields are secrets.
extension PackedInstance: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "Instance \(id)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(reflecting: description) }
}

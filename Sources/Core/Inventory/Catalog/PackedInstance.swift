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

  /// The one that the instance is known by, declared or not.
  var knownEC2InstanceID: String? { fields.text(.knownEC2InstanceID) }

  var record: Record {
    Record(
      resource: .instance(unpacked), revision: revision, createdAtSeconds: createdAtSeconds,
      ec2InstanceID: knownEC2InstanceID)
  }

  /// Whether a text's bytes are among the fields', which is quicker to find out than what they say.
  public func mentions(_ text: [UInt8]) -> Bool { fields.bytes.contains(text) }

  // MARK: Fields

  public var hostname: String { fields.text(.hostname) ?? "" }
  public var project: String? { fields.text(.project) }
  public var user: String? { fields.text(.user) }
  public var name: String? { fields.text(.name) }
  public var domain: String? { fields.text(.domain) }
  public var host: String? { fields.text(.host) }
  public var reservationID: String? { fields.text(.reservationID) }
  public var availabilityZone: String? { fields.text(.availabilityZone) }
  public var availabilityZoneID: String? { fields.text(.availabilityZoneID) }
  public var region: String? { fields.text(.region) }
  public var placementGroup: String? { fields.text(.placementGroup) }
  public var instanceType: String? { fields.text(.instanceType) }
  public var architecture: String? { fields.text(.architecture) }
  public var accountID: String? { fields.text(.accountID) }
  public var imageID: String? { fields.text(.imageID) }
  public var ec2: EC2IDs {
    var ids = EC2IDs()
    ids.instanceID = fields.text(.ec2InstanceID)
    ids.amiID = fields.text(.amiID)
    ids.kernelID = fields.text(.kernelID)
    ids.ramdiskID = fields.text(.ramdiskID)
    return ids
  }
  public var adminPassword: Secret<String>? { fields.text(.adminPassword).map { Secret($0) } }
  public var injectedNetworkConfig: String? { fields.text(.injectedNetworkConfig) }
  public var userData: Secret<[UInt8]>? { userDataContent.map { Secret($0.bytes) } }

  public var launchIndex: Int {
    fields.value(.launchIndex) { reader throws(ByteReader.Malformed) in
      Int(clamping: try reader.number())
    } ?? 0
  }
  public var bootRoles: [String] { texts(.bootRoles) }
  public var keys: [KeyReference] { fields.list(.keys, KeyReference.init(unpacking:)) }
  /// What is found for the first key for which something is.
  func firstKey<Result>(_ find: (KeyReference) -> Result?) -> Result? {
    fields.first(.keys, KeyReference.init(unpacking:), find)
  }
  /// Each key once.
  public var metadata: [(key: String, value: String)] { items(.metadata) }
  /// Each key once.
  public var tags: [(key: String, value: String)] { items(.tags) }
  public var securityGroups: [String] { texts(.securityGroups) }
  public var declaredMetadataOptions: MetadataOptions.Declared {
    fields.value(.metadataOptions, MetadataOptions.Declared.init(unpacking:))
      ?? MetadataOptions.Declared()
  }
  var declaresMetadataOptions: Bool { fields.range(of: .metadataOptions) != nil }
  public var blockDevices: [BlockDevice] {
    fields.list(.blockDevices) { reader throws(ByteReader.Malformed) in
      BlockDevice(virtual: try reader.text(), device: try reader.text())
    }
  }
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
      InjectedFile(path: try reader.text(), content: Secret(try reader.blob()))
    }
  }

  /// The first address that the instance is known by.
  public var firstAddress: FixedAddress? { interfaces.lazy.flatMap(\.addresses).first }

  private func texts(_ field: PackedFields.Field) -> [String] {
    fields.list(field) { reader throws(ByteReader.Malformed) in try reader.text() }
  }

  private func items(_ field: PackedFields.Field) -> [(key: String, value: String)] {
    fields.list(field) { reader throws(ByteReader.Malformed) in
      (key: try reader.text(), value: try reader.text())
    }
  }

  /// All fields at once.
  public var unpacked: Instance {
    var instance = Instance(id: id, hostname: hostname)
    instance.project = project
    instance.user = user
    instance.name = name
    instance.domain = domain
    instance.host = host
    instance.launchIndex = launchIndex
    instance.reservationID = reservationID
    instance.availabilityZone = availabilityZone
    instance.availabilityZoneID = availabilityZoneID
    instance.region = region
    instance.placementGroup = placementGroup
    instance.instanceType = instanceType
    instance.architecture = architecture
    instance.accountID = accountID
    instance.imageID = imageID
    instance.bootRoles = bootRoles
    instance.ec2 = ec2
    instance.keys = keys
    instance.userData = userData
    instance.metadata = OrderedDictionary(metadata, uniquingKeysWith: { first, _ in first })
    instance.tags = OrderedDictionary(tags, uniquingKeysWith: { first, _ in first })
    instance.vendorData = vendorData
    instance.securityGroups = securityGroups
    instance.blockDevices = blockDevices
    instance.devices = devices
    instance.dedicatedCPUs = dedicatedCPUs
    instance.adminPassword = adminPassword
    instance.files = files
    instance.injectedNetworkConfig = injectedNetworkConfig
    instance.interfaces = interfaces
    instance.declaredMetadataOptions = declaredMetadataOptions
    return instance
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

public import OrderedCollections

/// A machine as its operator declares it. Every dialect is a rendering of this.
public struct Instance: Sendable, Hashable {
  public var id: InstanceID
  public var project: String?
  public var user: String?
  public var name: String?
  public var hostname: String
  /// Appended to the host name; nil leaves that to the daemon's `dhcp_domain`.
  public var domain: String?
  /// The compute host that it runs on.
  public var host: String?
  public var launchIndex = 0
  public var reservationID: String?
  public var availabilityZone: String?
  public var availabilityZoneID: String?
  public var region: String?
  public var placementGroup: String?
  public var instanceType: String?
  /// The processor, as EC2's identity document has it: x86_64, arm64.
  public var architecture: String?
  public var accountID: String?
  /// Glance's id of the image, which dynamic vendor data is asked with.
  public var imageID: String?
  /// The roles of the user who created it, which dynamic vendor data is asked with.
  public var bootRoles: [String] = []
  public var ec2 = EC2IDs()
  public var keys: [KeyReference] = []
  public var userData: Secret<[UInt8]>?
  /// The user's own parameters.
  public var metadata: OrderedDictionary<String, String> = [:]
  /// EC2's instance tags.
  public var tags: OrderedDictionary<String, String> = [:]
  /// Laid over the daemon's own vendor data, key by key.
  public var vendorData: JSONValue?
  public var securityGroups: [String] = []
  public var blockDevices: [BlockDevice] = []
  public var devices: [Device] = []
  public var dedicatedCPUs: [Int]?
  /// For the config drive only; never over HTTP.
  public var adminPassword: Secret<String>?
  /// For the config drive and injection only (Nova's personality).
  public var files: [InjectedFile] = []
  /// The text of openstack/content/0000, where it is not rendered from the networks.
  public var injectedNetworkConfig: String?
  public var interfaces: [NetworkInterface] = []
  /// What the instance itself says; ``InstanceView/metadataOptions`` says what is in force.
  public var declaredMetadataOptions = MetadataOptions.Declared()

  public init(id: InstanceID, hostname: String) {
    self.id = id
    self.hostname = hostname
  }

  /// The first address that the instance is known by.
  public var firstAddress: FixedAddress? { interfaces.lazy.flatMap(\.addresses).first }
}

/// A value that must not be printed.
public struct Secret<Value: Sendable & Hashable>: Sendable, Hashable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  /// The value itself, for the one who may have it.
  public var revealed: Value
  public init(_ value: Value) { revealed = value }
  public var description: String { "•••" }
  public var debugDescription: String { "•••" }
  public var customMirror: Mirror { Mirror(reflecting: "•••") }
}

/// The ids that EC2's dialect shows.
public struct EC2IDs: Sendable, Hashable {
  public var instanceID: String?
  public var amiID: String?
  public var kernelID: String?
  public var ramdiskID: String?
  public init() {}
}

/// A name of EC2's block-device-mapping and the device behind it.
public struct BlockDevice: Sendable, Hashable {
  public var virtual: String
  public var device: String
}

/// A file that is written into the config drive or the disk.
public struct InjectedFile: Sendable, Hashable {
  public var path: String
  public var content: Secret<[UInt8]>
}

/// A network card of an instance.
public struct NetworkInterface: Sendable, Hashable {
  public var id: String?
  public var network: NetworkID
  public var mac: MACAddress?
  /// The host's device that it is plugged into.
  public var device: String?
  public var securityGroups: [String]
  public var addresses: [FixedAddress]
}

/// A fixed IP, and the floating ones that lead to it.
public struct FixedAddress: Sendable, Hashable {
  public var ip: IPAddress
  public var floatingIPs: [IPAddress]
}

/// An entry of meta_data.json's `devices`. Absent and null are told apart, as Nova's are.
public struct Device: Sendable, Hashable {
  public var type: Kind
  public var bus: String?
  public var address: String?
  public var mac: String?
  public var vlan: Int?
  public var vfTrusted: Bool?
  public var serial: Nullable?
  public var path: Nullable?
  public var shareID: String?
  public var tag: String?
  public var tags: [String]?

  public enum Kind: String, Sendable, CaseIterable {
    case nic
    case disk
    case share
  }

  /// A field that is there and may say null.
  public enum Nullable: Sendable, Hashable {
    case null
    case text(String)
  }
}

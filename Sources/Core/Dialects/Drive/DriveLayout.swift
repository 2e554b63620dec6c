/// What a drive has on it, and so what its volume is called.
public enum DriveLayout: String, Sendable, CaseIterable {
  /// Nova's config drive.
  case openStackAndEC2 = "openstack+ec2"
  case openStack = "openstack"
  case ec2
  /// A seed of cloud-init's NoCloud.
  case noCloud = "nocloud"

  /// The volume's label, by which guests find the drive.
  public var label: String { self == .noCloud ? "cidata" : "config-2" }

  public var hasOpenStack: Bool { self == .openStackAndEC2 || self == .openStack }
  public var hasEC2: Bool { self == .openStackAndEC2 || self == .ec2 }
}

/// A file of a drive.
public struct DriveFile: Sendable, Hashable {
  /// Where it stands, from the root on and without a leading slash.
  public let path: String
  public let bytes: [UInt8]

  public init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }
}

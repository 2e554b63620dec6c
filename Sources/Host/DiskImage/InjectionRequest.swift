public import Inventory

/// What is to be written into an image.
public struct InjectionRequest: Sendable {
  /// Whose host name, keys, network and files these are.
  public var view: InstanceView
  /// Whose authorized_keys the keys go into.
  public var user = "root"
  /// Whether root gets the record's `adminPassword`.
  public var setsPassword = false
  public var files: [LocalFile] = []
  public var networking = Networking.automatic
  public var selinux = SELinux.automatic
  /// The partition with the root file system, where several could be it.
  public var partition: Int?

  public init(view: InstanceView) { self.view = view }

  /// A file of the host that goes into the image.
  public struct LocalFile: Sendable {
    public var path: String
    public var content: [UInt8]
    /// Nil: that of the file which is there already, else 0644.
    public var mode: UInt32?
    /// A user of the image; nil: that of the file which is there already, else root.
    public var owner: String?

    public init(path: String, content: [UInt8], mode: UInt32? = nil, owner: String? = nil) {
      self.path = path
      self.content = content
      self.mode = mode
      self.owner = owner
    }
  }

  public enum Networking: Sendable, Hashable {
    /// As the image has it.
    case automatic
    case skipped
    case fixed(GuestNetworking)
  }

  public enum SELinux: String, Sendable, CaseIterable {
    /// Labels where the image has them.
    case automatic = "auto"
    case context
    /// The guest labels everything anew at its next boot.
    case autorelabel
    case none
  }
}

/// What was done, or would be.
public struct InjectionReport: Sendable {
  public var imagePath: String
  public var form: ImageForm
  /// Where the root file system is, in words.
  public var place: String
  public var networking: GuestNetworking?
  public var changes: [InjectionChange]
  /// What was left out, and why.
  public var notes: [String]
  public var wasWritten: Bool
}

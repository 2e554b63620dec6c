/// What instances refer to, and what is in force where they say nothing.
///
/// It is looked at with each request, and to copy it takes longer than to look: who copies it says so.
struct SharedRecords: ~Copyable, Sendable {
  /// The daemon's own.
  var defaultMetadataOptions: MetadataOptions.Declared {
    didSet { defaults = MetadataOptions(defaultMetadataOptions) }
  }
  /// In force for whoever declares nothing.
  private var defaults: MetadataOptions
  private(set) var projects: [String: Record]
  private(set) var networks: [NetworkID: Record]
  private(set) var keyPairs: [KeyPairID: Record]
  /// How many networks have their addresses written into guests.
  private var injectedNetworks: Int
  /// How many projects declare metadata options.
  private var projectsWithOptions: Int

  // No field has a value of its own, so that none can be forgotten in a copy.

  init() {
    defaultMetadataOptions = MetadataOptions.Declared()
    defaults = MetadataOptions()
    (projects, networks, keyPairs) = ([:], [:], [:])
    (injectedNetworks, projectsWithOptions) = (0, 0)
  }

  private init(_ other: borrowing SharedRecords) {
    defaultMetadataOptions = other.defaultMetadataOptions
    defaults = other.defaults
    projects = other.projects
    networks = other.networks
    keyPairs = other.keyPairs
    injectedNetworks = other.injectedNetworks
    projectsWithOptions = other.projectsWithOptions
  }

  borrowing func copy() -> SharedRecords { SharedRecords(self) }

  /// Whether there is a network whose addresses are written into guests.
  var haveInjectedNetwork: Bool { injectedNetworks > 0 }

  subscript(_ id: ResourceID) -> Record? {
    get {
      switch id.kind {
      case .project: projects[id.text]
      case .network: NetworkID(id.text).flatMap { networks[$0] }
      case .keyPair: KeyPairID(id.text).flatMap { keyPairs[$0] }
      case .instance: nil
      }
    }
    set {
      switch id.kind {
      case .project:
        projectsWithOptions -= options(ofProject: id.text) == nil ? 0 : 1
        projects[id.text] = newValue
        projectsWithOptions += options(ofProject: id.text) == nil ? 0 : 1
      case .network:
        guard let id = NetworkID(id.text) else { return }
        injectedNetworks -= network(id)?.injected == true ? 1 : 0
        networks[id] = newValue
        injectedNetworks += network(id)?.injected == true ? 1 : 0
      case .keyPair: if let id = KeyPairID(id.text) { keyPairs[id] = newValue }
      case .instance: break
      }
    }
  }

  /// The options in force for an instance.
  func metadataOptions(of instance: PackedInstance) -> MetadataOptions {
    var ofProject: MetadataOptions.Declared?
    if projectsWithOptions > 0, let id = instance.project {
      ofProject = options(ofProject: id.string)
    }
    guard ofProject != nil || instance.declaresMetadataOptions else { return defaults }
    return MetadataOptions(
      instance.declaredMetadataOptions, ofProject ?? MetadataOptions.Declared(),
      defaultMetadataOptions)
  }

  /// What a project declares; nil where that is nothing.
  private func options(ofProject id: String) -> MetadataOptions.Declared? {
    guard case .project(let project) = projects[id]?.resource,
      project.metadataOptions != MetadataOptions.Declared()
    else { return nil }
    return project.metadataOptions
  }

  func network(_ id: NetworkID) -> Network? {
    if case .network(let network) = networks[id]?.resource { network } else { nil }
  }

  func keyPair(_ id: KeyPairID) -> KeyPair? {
    if case .keyPair(let keyPair) = keyPairs[id]?.resource { keyPair } else { nil }
  }

  // MARK: For views

  /// All of them as they are at a time, in one reference.
  final class Snapshot: Sendable {
    let records: SharedRecords

    init(_ records: consuming SharedRecords) { self.records = records }
  }

  static let none = Snapshot(SharedRecords())
}

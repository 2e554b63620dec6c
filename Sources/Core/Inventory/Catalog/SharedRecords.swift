/// What instances refer to, and what is in force where they say nothing.
struct SharedRecords: Sendable {
  var defaultMetadataOptions = MetadataOptions.Declared()
  var projects: [String: Record] = [:]
  var networks: [NetworkID: Record] = [:]
  var keyPairs: [KeyPairID: Record] = [:]

  /// An instance with all that it refers to.
  func view(of record: Record, password: Secret<[UInt8]>?) -> InstanceView? {
    InstanceView(
      record: record, password: password, network: network(_:), keyPair: keyPair(_:),
      metadataOptions: record.resource.instance.map(metadataOptions) ?? MetadataOptions())
  }

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
      case .project: projects[id.text] = newValue
      case .network: if let id = NetworkID(id.text) { networks[id] = newValue }
      case .keyPair: if let id = KeyPairID(id.text) { keyPairs[id] = newValue }
      case .instance: break
      }
    }
  }

  private func metadataOptions(of instance: Instance) -> MetadataOptions {
    var ofProject = MetadataOptions.Declared()
    if let id = instance.project, case .project(let project) = projects[id]?.resource {
      ofProject = project.metadataOptions
    }
    return MetadataOptions(instance.declaredMetadataOptions, ofProject, defaultMetadataOptions)
  }

  private func network(_ id: NetworkID) -> Network? {
    if case .network(let network) = networks[id]?.resource { network } else { nil }
  }

  private func keyPair(_ id: KeyPairID) -> KeyPair? {
    if case .keyPair(let keyPair) = keyPairs[id]?.resource { keyPair } else { nil }
  }
}

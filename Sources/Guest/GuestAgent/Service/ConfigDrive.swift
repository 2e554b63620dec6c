/// A config drive's files under a directory: OpenStack's first, then EC2's, then a NoCloud seed's.
struct ConfigDrive {
  let path: String
  /// Where it is, for people.
  var source: String

  init(path: String, source: String? = nil) {
    self.path = path
    self.source = source ?? "the config drive at \(path)"
  }

  /// - Returns: nil where nothing is there that a config drive has.
  func read() throws(AgentError) -> InstanceMetadata? {
    if let document = try file("openstack/latest/meta_data.json", limit: Bounds.documentBytes) {
      var metadata = try MetadataDocument.openStack(document, from: source)
      metadata.isFromDrive = true
      metadata.userData = userData("openstack/latest/user_data")
      return metadata
    }
    if let document = try file("ec2/latest/meta-data.json", limit: Bounds.documentBytes) {
      var metadata = try MetadataDocument.ec2(document, from: source)
      metadata.isFromDrive = true
      metadata.userData = userData("ec2/latest/user-data")
      return metadata
    }
    if let document = try file("meta-data", limit: Bounds.documentBytes) {
      var metadata = try MetadataDocument.seed(document, from: source)
      metadata.isFromDrive = true
      metadata.userData = userData("user-data")
      return metadata
    }
    return nil
  }

  private func userData(_ name: String) -> InstanceMetadata.Told<[UInt8]> {
    do throws(AgentError) {
      guard let bytes = try file(name, limit: Bounds.userDataBytes) else { return .nothing }
      // A seed must have the file, and has it empty where there is none.
      return bytes.isEmpty ? .nothing : .value(bytes)
    } catch {
      return .unknown(error)
    }
  }

  private func file(_ name: String, limit: Int) throws(AgentError) -> [UInt8]? {
    let parts = name.split(separator: "/").map(String.init)
    return try read(parts[...], in: try Folder(path), limit: limit)
  }

  private func read(_ parts: ArraySlice<String>, in folder: borrowing Folder, limit: Int)
    throws(AgentError) -> [UInt8]?
  {
    guard let first = parts.first else { return nil }
    if parts.count == 1 { return try folder.read(first, limit: limit)?.bytes }
    guard let inner = try folder.folder(first) else { return nil }
    return try read(parts.dropFirst(), in: inner, limit: limit)
  }
}

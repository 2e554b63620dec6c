/// Reads what a service says: OpenStack's documents, and where there are none, EC2's.
struct ServiceReader {
  let session: MetadataSession
  let wantsUserData: Bool

  /// How the document is asked for.
  enum Question: Hashable {
    case plain
    /// Held back by the service until it is another than what the tag stands for.
    case unlike(tag: String?)
  }

  func read(_ question: Question = .plain) throws(AgentError) -> InstanceMetadata {
    let (document, tag) = try openStack(question)
    if let document {
      var metadata = try MetadataDocument.openStack(document, from: source)
      metadata.tag = tag
      metadata.passwordService = session
      metadata.userData = userData("/openstack/latest/user_data")
      return metadata
    }
    if let id = try leaf("instance-id") { return try readEC2(id: id) }
    throw AgentError("it answers, but does not know this machine (404)")
  }

  private func openStack(_ question: Question) throws(AgentError)
    -> (bytes: [UInt8]?, tag: String?)
  {
    let path = "/openstack/latest/meta_data.json"
    switch question {
    case .plain: return (try session.get(path, limit: Bounds.documentBytes), nil)
    case .unlike(let tag):
      let held = try session.get(path, limit: Bounds.documentBytes, unlike: tag)
      guard tag != nil else { return held }
      // A connection that stood open for long is easy to speak on for somebody on the way. What came
      // over it says that it is time to look, and no more.
      return (try session.get(path, limit: Bounds.documentBytes), held.tag)
    }
  }

  private var source: String { "the service at \(session.endpoint)" }

  private func readEC2(id: String) throws(AgentError) -> InstanceMetadata {
    var name = try leaf("local-hostname")
    if name == nil { name = try leaf("hostname") }
    var metadata = InstanceMetadata(
      id: try InstanceMetadata.checkID(id), source: source, hostName: HostName.told(name))
    for (index, name) in try keyNames() {
      let path = "\(ServiceReader.tree)/public-keys/\(index)/openssh-key"
      // A key that goes away between its listing and its reading is looked for in the next round.
      guard let key = try session.get(path, limit: Bounds.leafBytes) else {
        throw AgentError("\(path) is listed, but answered with 404")
      }
      metadata.add(key: key, name: name)
    }
    metadata.userData = userData("/latest/user-data")
    return metadata
  }

  /// The lines of `public-keys/`, such as `0=alice`.
  private func keyNames() throws(AgentError) -> [(index: Int, name: String)] {
    guard let listing = try leaf("public-keys/") else { return [] }
    var names: [(index: Int, name: String)] = []
    for line in listing.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard names.count < Bounds.keys, parts.count == 2, let index = Int(parts[0]), index >= 0
      else {
        throw AgentError("public-keys/ is no list of up to \(Bounds.keys) keys like '0=alice'")
      }
      names.append((index, String(parts[1])))
    }
    return names
  }

  private func userData(_ path: String) -> InstanceMetadata.Told<[UInt8]> {
    guard wantsUserData else { return .nothing }
    do throws(AgentError) {
      guard let bytes = try session.get(path, limit: Bounds.userDataBytes, mayBeEmpty: true)
      else { return .nothing }
      return bytes.isEmpty ? .empty : .value(bytes)
    } catch {
      return .unknown(error)
    }
  }

  private static let tree = "/latest/meta-data"

  private func leaf(_ name: String) throws(AgentError) -> String? {
    try session.get("\(ServiceReader.tree)/\(name)", limit: Bounds.leafBytes).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}

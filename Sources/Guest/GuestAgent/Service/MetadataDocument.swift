import FoundationEssentials

/// The JSON documents that a machine's metadata comes in.
enum MetadataDocument {
  /// OpenStack's meta_data.json.
  private struct OpenStack: Decodable {
    struct Key: Decodable {
      var name: String
      var type: String
      var data: String
    }
    var uuid: String
    var hostname: String?
    /// In order; older services have `public_keys` alone.
    var keys: [Key]?
    var public_keys: [String: String]?
  }

  /// EC2's tree as a config drive has it.
  private struct EC2: Decodable {
    struct Key: Decodable {
      var key: String
      enum CodingKeys: String, CodingKey { case key = "openssh-key" }
    }
    var id: String
    var localHostName: String?
    var hostName: String?
    var keys: [String: Key]?
    enum CodingKeys: String, CodingKey {
      case id = "instance-id"
      case localHostName = "local-hostname"
      case hostName = "hostname"
      case keys = "public-keys"
    }
  }

  static func openStack(_ bytes: [UInt8], from source: String) throws(AgentError)
    -> InstanceMetadata
  {
    let document = try decode(OpenStack.self, bytes, "meta_data.json")
    var metadata = InstanceMetadata(
      id: try InstanceMetadata.checkID(document.uuid), source: source,
      hostName: HostName.told(document.hostname))
    let named = (document.public_keys ?? [:]).sorted { $0.key < $1.key }
    let keys =
      document.keys?.filter { $0.type == "ssh" }.map { ($0.name, $0.data) }
      ?? named.map { ($0.key, $0.value) }
    try add(keys, to: &metadata)
    return metadata
  }

  static func ec2(_ bytes: [UInt8], from source: String) throws(AgentError) -> InstanceMetadata {
    let document = try decode(EC2.self, bytes, "meta-data.json")
    var metadata = InstanceMetadata(
      id: try InstanceMetadata.checkID(document.id), source: source,
      hostName: HostName.told(document.localHostName ?? document.hostName))
    let keys = (document.keys ?? [:]).sorted { (Int($0.key) ?? .max) < (Int($1.key) ?? .max) }
    try add(keys.map { ($0.key, $0.value.key) }, to: &metadata)
    return metadata
  }

  static func seed(_ bytes: [UInt8], from source: String) throws(AgentError) -> InstanceMetadata {
    let document = try SeedDocument(bytes)
    guard let id = document.id else { throw AgentError("its meta-data has no instance-id") }
    var metadata = InstanceMetadata(
      id: try InstanceMetadata.checkID(id), source: source,
      hostName: HostName.told(document.localHostName ?? document.hostName))
    try add(document.keys.enumerated().map { ("\($0)", $1) }, to: &metadata)
    return metadata
  }

  private static func add(
    _ keys: [(name: String, text: String)], to metadata: inout InstanceMetadata
  ) throws(AgentError) {
    guard keys.count <= Bounds.keys else {
      throw AgentError("it has more than \(Bounds.keys) keys")
    }
    for key in keys { metadata.add(key: Array(key.text.utf8), name: key.name) }
  }

  private static func decode<Document: Decodable>(
    _ type: Document.Type, _ bytes: [UInt8], _ name: String
  ) throws(AgentError) -> Document {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      // The decoder's own text quotes the document.
      throw AgentError("its \(name) cannot be read: no JSON, or not what a machine's is")
    }
  }
}

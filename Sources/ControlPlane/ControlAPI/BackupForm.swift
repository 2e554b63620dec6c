public import Inventory

/// A copy of the store that the daemon keeps beside it.
public struct BackupForm: Sendable, Hashable {
  /// What `nameplate backup restore` calls it.
  public var name: String
  public var path: String
  public var createdAtSeconds: Int
  /// The store's revision that it holds.
  public var revision: Revision
  public var bytes: Int

  public init(name: String, path: String, createdAtSeconds: Int, revision: Revision, bytes: Int) {
    self.name = name
    self.path = path
    self.createdAtSeconds = createdAtSeconds
    self.revision = revision
    self.bytes = bytes
  }

  public var form: JSONValue {
    [
      "name": .string(name), "path": .string(path),
      "createdAt": .string(Timestamp.text(secondsSince1970: createdAtSeconds)),
      "revision": JSONValue(revision: revision), "bytes": JSONValue(bytes),
    ]
  }

  /// Reads a backup's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let name = value["name"]?.string, let path = value["path"]?.string,
      let created = value["createdAt"]?.string.flatMap(Timestamp.seconds),
      let revision = value["revision"]?.revision, let bytes = value["bytes"]?.integer
    else { return nil }
    self.init(
      name: name, path: path, createdAtSeconds: created, revision: revision, bytes: bytes)
  }
}

import GRDB
import Inventory

/// A row of the table `resource`.
struct StoredRecord {
  let id: ResourceID
  let revision: Revision
  let createdAtSeconds: Int
  let ec2InstanceID: String?
  let document: String
  private let file: String

  init(_ row: Row, _ file: String) throws {
    self.file = file
    let kind: String = row["kind"]
    guard let kind = ResourceKind(rawValue: kind) else {
      throw StoreError.corrupt("\(file): holds a resource of the unknown kind '\(kind)'")
    }
    id = ResourceID(kind: kind, text: row["id"])
    let stored: Int64 = row["revision"]
    revision = Revision(clamping: stored)
    createdAtSeconds = row["createdAtSeconds"]
    ec2InstanceID = row["ec2InstanceID"]
    document = row["document"]
  }

  func record() throws(StoreError) -> Inventory.Record {
    do {
      return Inventory.Record(
        resource: try Resource(reading: try JSONValue(parsing: document)), revision: revision,
        createdAtSeconds: createdAtSeconds, ec2InstanceID: ec2InstanceID)
    } catch {
      throw .corrupt(
        "\(file): \(id) cannot be read (\(error)); restore the file from a backup")
    }
  }
}

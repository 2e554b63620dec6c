internal import Foundation
internal import GRDB
internal import Inventory

// Swift counts two texts as equal whichever way an accented letter is composed; SQLite compares
// bytes. Keys are stored in one composition, so that both agree on who is who.

extension String {
  /// The text as a key column has it.
  var storeKey: String {
    utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping
  }
}

extension Sequence<ResourceID> {
  /// The ids of each kind as a JSON list, so that one statement looks up any number of them:
  /// `id IN (SELECT value FROM json_each(?))`.
  var listsByKind: [(kind: ResourceKind, list: String)] {
    Dictionary(grouping: self, by: \.kind).map { kind, ids in
      (kind, JSONValue.array(ids.map { .string($0.text.storeKey) }).text)
    }
  }
}

extension Row {
  /// A column's value.
  /// - Throws: A ``DatabaseError`` where it is null or of another type: GRDB's own accessors would
  ///   end the process over a damaged file.
  func read<Value: DatabaseValueConvertible>(_ column: Int, as type: Value.Type = Value.self)
    throws -> Value
  {
    let stored: DatabaseValue = self[column]
    guard let value = Value.fromDatabaseValue(stored) else {
      throw DatabaseError(
        resultCode: .SQLITE_CORRUPT, message: "a \(type) was expected in column \(column)")
    }
    return value
  }

  /// The id of a resource, from its kind's column and its id's.
  func readID(kind: Int, id: Int) throws -> ResourceID {
    let word = try read(kind, as: String.self)
    guard let kind = ResourceKind(rawValue: word) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "'\(word)' is no kind of resource")
    }
    return ResourceID(kind: kind, text: try read(id))
  }
}

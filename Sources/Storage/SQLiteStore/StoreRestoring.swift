internal import Foundation
internal import GRDB
public import Inventory

/// What is noted beside the database while a backup is put in its place. Who finds the note, and no
/// database, must not make a new one: it would be empty, and every guest unknown.
struct RestoreNote {
  /// The backup's path; nil where the note cannot be read.
  var backup: String?
  /// Where what was there before is kept: the path of its database, without SQLite's endings.
  var kept: String?
}

extension StoreDirectory {
  var restoreNoteFile: String { database + ".restoring" }
  /// The copy that takes the database's place once it is whole.
  var restoredCopy: String { path + "/.partial-restored" }

  /// The note of a restore that is under way, or was cut short.
  var restoreNote: RestoreNote? {
    guard FileManager.default.fileExists(atPath: restoreNoteFile) else { return nil }
    let bytes = FileManager.default.contents(atPath: restoreNoteFile) ?? Data()
    let value = try? JSONValue(parsing: Array(bytes))
    return RestoreNote(backup: value?["backup"]?.string, kept: value?["kept"]?.string)
  }

  fileprivate func write(_ note: RestoreNote) throws {
    let value: JSONValue = [
      "backup": .string(note.backup ?? ""), "kept": .string(note.kept ?? ""),
    ]
    // The one that is there stays until this one is on disk.
    let new = "\(path)/.partial-note"
    try Data(value.text.utf8).write(to: URL(fileURLWithPath: new))
    guard StoreDirectory.sync(new), unsafe rename(new, restoreNoteFile) == 0,
      StoreDirectory.sync(path)
    else { throw CocoaError(.fileWriteUnknown) }
  }

  /// Removes what a restore leaves that was cut short before the database was moved, or after the backup
  /// had its place.
  func removeRestoreNote() {
    for file in [restoredCopy, restoreNoteFile] { unsafe unlink(file) }
  }
}

extension StoreBackups {
  /// Puts a backup in the store's place; what was there stays beside it under another name. One that was
  /// cut short can be repeated, also with another backup: no daemon starts in between without a database.
  /// - Parameter name: A backup's name, or the path of one that is kept elsewhere.
  /// - Returns: The backup's revision, and the path of what was there before, if anything was.
  /// - Throws: ``StoreError/unavailable(_:)`` where a daemon runs on the directory or files cannot
  ///   be written, ``StoreError/corrupt(_:)`` where the backup is not sound.
  public func restore(_ name: String) throws(StoreError) -> (revision: Revision, before: String?) {
    let path = name.contains("/") ? URL(fileURLWithPath: name).path : "\(place.backups)/\(name)"
    guard FileManager.default.fileExists(atPath: path) else {
      // No daemon runs that could list them.
      let newest = all.prefix(3).map(\.name).joined(separator: ", ")
      throw .unavailable(
        "There is no backup \(path); "
          + (newest.isEmpty ? "there is none in \(place.backups)" : "the newest are \(newest)"))
    }
    try place.create()
    let lock = try place.acquireLock()
    defer { lock.release() }
    let revision: Revision
    do {
      revision = try self.revision(of: path)
    } catch {
      throw .corrupt("The backup \(path) is not sound (\(error)); take another one")
    }
    do {
      return (revision, try put(path))
    } catch {
      throw .unavailable("The backup \(path) cannot be put in place: \(error.localizedDescription)")
    }
  }

  private func put(_ path: String) throws -> String? {
    let files = FileManager.default
    let there = StoreDirectory.suffixes.filter { files.fileExists(atPath: place.database + $0) }
    let kept = keptName(for: there)
    try place.write(RestoreNote(backup: path, kept: kept))
    let new = place.restoredCopy
    try? files.removeItem(atPath: new)
    defer { try? files.removeItem(atPath: new) }
    try files.copyItem(atPath: path, toPath: new)
    try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: new)
    guard StoreDirectory.sync(new) else { throw CocoaError(.fileWriteUnknown) }
    // SQLite would write an old journal into the new file, also where the database itself is gone. The
    // database goes first: a daemon does not start without it, and would without its journal.
    for suffix in there {
      try files.moveItem(atPath: place.database + suffix, toPath: kept + suffix)
    }
    guard unsafe rename(new, place.database) == 0, StoreDirectory.sync(place.path) else {
      throw CocoaError(.fileWriteUnknown)
    }
    place.removeRestoreNote()
    return StoreDirectory.suffixes.map { kept + $0 }.first { files.fileExists(atPath: $0) }
  }

  /// Where a database and its journals are kept that a backup takes the place of. Where the database was
  /// moved before a restore was cut short, its journals come to it.
  private func keptName(for there: [String]) -> String {
    let isTaken = { (name: String) in
      StoreDirectory.suffixes.contains { FileManager.default.fileExists(atPath: name + $0) }
    }
    if !there.contains(""), let begun = place.restoreNote?.kept, isTaken(begun),
      !there.contains(where: { FileManager.default.fileExists(atPath: begun + $0) })
    {
      return begun
    }
    var number = 1
    while true {
      let name = "\(place.database).before-\(number)"
      guard isTaken(name) else { return name }
      number += 1
    }
  }
}

internal import Foundation
internal import GRDB
public import Inventory

/// The copies of a store, in the folder `backups` of its state directory.
public struct StoreBackups: Sendable {
  /// A whole copy of the store, as of one revision.
  public struct Backup: Sendable, Hashable {
    /// The file's name, such as `nameplate-000017-r42.sqlite`.
    public var name: String
    public var path: String
    /// When it was made, in seconds since 1970.
    public var createdAtSeconds: Int
    public var revision: Revision
    public var bytes: Int
    /// Counts the backups of a directory, since clocks go back and revisions do after a restore.
    var number: Int
  }

  let place: StoreDirectory
  private var folder: String { place.backups }

  public init(stateDirectory: String) { place = StoreDirectory(path: stateDirectory) }

  init(_ place: StoreDirectory) { self.place = place }

  /// All backups, the newest first. What has another name is none.
  public var all: [Backup] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap(backup).sorted { $0.number > $1.number }
  }

  /// The newest one that can be opened and passes SQLite's check.
  var newestSound: Backup? { all.first { (try? revision(of: $0.path)) != nil } }

  // MARK: Making

  /// Copies the store as it is now. The copy has its name only once it is whole, checked and on
  /// disk; mode 0600, for it holds passwords.
  /// - Throws: As ``SQLiteStore/backup(to:)`` does, and ``StoreError/corrupt(_:)`` where the copy shows
  ///   that the store is damaged; nothing is left then.
  public func make(of store: SQLiteStore) async throws(StoreError) -> Backup {
    try place.createBackups()
    let partial = "\(folder)/\(StoreBackups.partialPrefix)\(UUID().uuidString)"
    defer { unsafe unlink(partial) }
    try await store.backup(to: partial)
    let revision: Revision
    do {
      revision = try finish(partial)
    } catch let error as StoreError where error.isDamage {
      // A copy has its store's pages: as a rule it is one of those that is damaged, which is told then.
      try await store.checkPages()
      throw cannotMake("the copy is not what was written")
    } catch {
      throw cannotMake("\(error)")
    }
    guard StoreDirectory.sync(partial) else { throw cannotMake("it does not reach the disk") }
    return try name(partial, revision)
  }

  /// Makes one file of a copy, without a journal of its own beside it, and checks it.
  private func finish(_ partial: String) throws -> Revision {
    let copy = try DatabaseQueue(path: partial)
    try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
    try copy.close()
    return try revision(of: partial)
  }

  /// Removes all but the newest ones.
  public func prune(keeping count: Int) {
    for old in all.dropFirst(max(count, 1)) { unsafe unlink(old.path) }
  }

  /// Gives a whole copy its name, which no other backup has.
  private func name(_ partial: String, _ revision: Revision) throws(StoreError) -> Backup {
    var number = (all.first?.number ?? 0) + 1
    while true {
      let digits = String(number)
      let padded = String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits
      let name = "nameplate-\(padded)-r\(revision).sqlite"
      if unsafe link(partial, "\(folder)/\(name)") == 0 {
        _ = StoreDirectory.sync(folder)
        guard let backup = backup(name) else { throw cannotMake("it is gone already") }
        return backup
      }
      guard errno == EEXIST, number < Int.max else {
        throw cannotMake(StoreDirectory.reason(errno))
      }
      number += 1
    }
  }

  /// Removes what copies that were cut short have left.
  func removePartials() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(StoreBackups.partialPrefix) {
      unsafe unlink("\(folder)/\(name)")
    }
  }

  private static let partialPrefix = ".partial-"

  private func cannotMake(_ reason: String) -> StoreError {
    .unavailable("No backup can be made in \(folder) (\(reason)); see to that disk")
  }

  // MARK: Reading

  private func backup(_ name: String) -> Backup? {
    guard let parts = name.wholeMatch(of: /nameplate-([0-9]+)-r([0-9]+)\.sqlite/),
      let number = Int(parts.1), number < Int.max, let revision = Revision(parts.2)
    else { return nil }
    let path = "\(folder)/\(name)"
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
      let modified = attributes[.modificationDate] as? Date,
      let bytes = attributes[.size] as? NSNumber
    else { return nil }
    return Backup(
      name: name, path: path, createdAtSeconds: Int(modified.timeIntervalSince1970),
      revision: revision, bytes: bytes.intValue, number: number)
  }

  /// The revision of a file that is a sound store of this version or an older one.
  func revision(of path: String) throws -> Revision {
    var reading = Configuration()
    reading.readonly = true
    let queue = try DatabaseQueue(path: path, configuration: reading)
    let revision = try queue.read { db in
      try StoreSchema.check(db, failure: StoreFailure(directory: place, backups: nil))
      return try ResourceTable(db: db).revision()
    }
    try queue.close()
    return revision
  }
}

import Foundation
import GRDB
public import Inventory

/// The embedded store: one SQLite file in the state directory, for one daemon.
///
/// Commits are durable when they return (WAL with `synchronous=FULL`). GRDB is known nowhere else.
public final class SQLiteStore: InventoryStore {
  private let database: DatabasePool
  private let lock: StoreLock
  private let feed = ChangeFeed()
  private let file: String

  /// Opens the store, making it where there is none.
  /// - Parameters:
  ///   - directory: The state directory; made with mode 0700 where it is missing.
  ///   - now: Seconds since 1970, as the creation time of the network `default`.
  public init(directory: String, now: Int) throws(StoreError) {
    file = "\(directory)/nameplate.sqlite"
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .unavailable("\(directory): cannot be made: \(error.localizedDescription)")
    }
    lock = try StoreLock(directory: directory)
    do {
      database = try SQLiteStore.open(file)
    } catch {
      throw SQLiteStore.translate(error, file)
    }
    try addDefaultNetwork(now)
  }

  /// Ends all use of the file and lets go of the directory. Nothing can be asked afterwards; who
  /// listens to changes is told that there will be no more.
  public func close() {
    feed.finish()
    // A statement still under way keeps its connection; everything committed is on disk already.
    try? database.close()
    lock.release()
  }

  private static func open(_ file: String) throws -> DatabasePool {
    if !FileManager.default.fileExists(atPath: file) {
      // Made by us first, so that it is never readable by others.
      _ = FileManager.default.createFile(
        atPath: file, contents: nil, attributes: [.posixPermissions: 0o600])
    }
    var configuration = Configuration()
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 2
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = FULL")
    }
    let database = try DatabasePool(path: file, configuration: configuration)
    let migrator = StoreSchema.migrator
    if try database.read(migrator.hasBeenSuperseded) {
      throw StoreError.corrupt(
        "\(file): was written by a newer version; run that version, or restore an older backup")
    }
    try migrator.migrate(database)
    return database
  }

  private func addDefaultNetwork(_ now: Int) throws(StoreError) {
    let network = Resource.network(Network(id: .default))
    do {
      try database.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          var transaction = try StoreTransaction(db, now: now, file: file)
          if try transaction.stored(network.id) == nil {
            _ = try transaction.apply([.put(network)])
          }
          return .commit
        }
      }
    } catch {
      throw SQLiteStore.translate(error, file)
    }
  }

  public func load() async throws(StoreError) -> InventorySnapshot {
    do {
      return try await database.read { [file] db in
        var snapshot = InventorySnapshot(
          revision: try StoreTransaction.revision(db), records: [])
        let rows = try Row.fetchCursor(
          db,
          sql: "SELECT kind, id, revision, createdAtSeconds, ec2InstanceID, document FROM resource")
        while let row = try rows.next() {
          snapshot.records.append(try StoredRecord(row, file).record())
        }
        let passwords = try Row.fetchCursor(db, sql: "SELECT instanceID, password FROM password")
        while let row = try passwords.next() {
          guard let id = InstanceID(row["instanceID"]) else { continue }
          let bytes: Data = row["password"]
          snapshot.passwords[id] = Secret(Array(bytes))
        }
        return snapshot
      }
    } catch {
      throw SQLiteStore.translate(error, file)
    }
  }

  public func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    do {
      return try await database.writeWithoutTransaction { [file, feed] db in
        var result = CommitResult(revision: 0, outcomes: [])
        var changes: [Change] = []
        try db.inTransaction(.immediate) {
          var transaction = try StoreTransaction(db, now: now, file: file)
          result = try transaction.apply(mutations)
          changes = transaction.changes
          return dryRun || changes.isEmpty ? .rollback : .commit
        }
        // Still on the writer's queue: the order of publishing is the order of commits.
        if !dryRun && !changes.isEmpty {
          feed.publish(ChangeBatch(revision: result.revision, changes: changes))
        }
        return result
      }
    } catch {
      throw SQLiteStore.translate(error, file)
    }
  }

  public func changes(after revision: Revision) async throws(StoreError)
    -> AsyncStream<ChangeBatch>
  {
    do {
      // On the writer's queue, so that no commit falls between the replay and what follows.
      return try await database.writeWithoutTransaction { [file, feed] db in
        feed.listen(after: try ChangeLog.replay(db, after: revision, file))
      }
    } catch {
      throw SQLiteStore.translate(error, file)
    }
  }

  /// Turns SQLite's errors into sentences that say what to do.
  static func translate(_ error: any Error, _ file: String) -> StoreError {
    if let known = error as? StoreError { return known }
    guard let error = error as? DatabaseError else {
      return .unavailable("\(file): \(error)")
    }
    let reason = error.message ?? error.resultCode.description
    switch error.resultCode {
    case .SQLITE_FULL:
      return .full("\(file): the disk is full; nothing was written. Free space, then try again")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return .corrupt(
        "\(file): is damaged (\(reason)); it was left as it is. Restore it from a backup, or move "
          + "it away to start empty and apply the manifests again")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return .unavailable("\(file): another program holds the database; close it, then try again")
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
      return .unavailable("\(file): cannot be opened for writing (\(reason)); check its owner")
    case .SQLITE_IOERR:
      return .unavailable("\(file): the disk failed (\(reason)); nothing was written")
    default: return .unavailable("\(file): \(reason)")
    }
  }
}

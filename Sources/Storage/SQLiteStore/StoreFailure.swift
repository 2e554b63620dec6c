internal import Foundation
internal import GRDB
internal import Inventory
internal import Synchronization

/// Tells a failure of SQLite in the words of the port.
struct StoreFailure {
  let directory: StoreDirectory
  /// The copies that can take a damaged database's place; nil where they are not to be looked for.
  let backups: StoreBackups?
  /// Whether a daemon serves from the database, and has all records in memory.
  private(set) var isInUse = false
  private let damage = ToldDamage()

  init(directory: StoreDirectory, backups: StoreBackups?) {
    self.directory = directory
    self.backups = backups
  }

  /// The same for a database that a daemon serves from.
  var inUse: StoreFailure {
    var failure = self
    failure.isInUse = true
    return failure
  }

  func storeError(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case let error as DatabaseError: storeError(error)
    case is CancellationError:
      .unavailable("The reading of \(directory.database) was given up by the one who asked")
    default: .unavailable("\(directory.database) cannot be used: \(error)")
    }
  }

  private func storeError(_ error: DatabaseError) -> StoreError {
    let file = directory.database
    switch error.resultCode {
    case .SQLITE_FULL: return .full(full)
    case .SQLITE_IOERR where directory.isFull, .SQLITE_CANTOPEN where directory.isFull:
      return .full(full)
    case .SQLITE_NOTADB: return corrupt("is not a database")
    case .SQLITE_CORRUPT: return corrupt("is damaged (\(error.message ?? "unreadable"))")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      return .unavailable("\(file) is locked by another program; end that program and try again")
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN, .SQLITE_AUTH:
      return .unavailable(
        "\(file) cannot be opened for writing; check who owns it and its directory, "
          + "and their permissions")
    case .SQLITE_MISUSE: return closed
    default:
      return .unavailable(
        "\(file) cannot be used: \(error.message ?? "an unknown error") "
          + "(SQLite \(error.extendedResultCode.rawValue))")
    }
  }

  /// Nobody can use it any more.
  var closed: StoreError {
    .unavailable("\(directory.database) is closed: the daemon is shutting down")
  }

  /// The sentence for a disk without space.
  var full: String {
    "The disk that holds \(directory.path) is full and nothing was written; "
      + "free some space and try again"
  }

  /// - Parameter problem: What is wrong, as the rest of a sentence that starts with the file.
  func corrupt(_ problem: String) -> StoreError {
    damage.tell {
      .corrupt("\(directory.database) \(problem). It is left as it is. \(remedy)")
    }
  }

  /// What to do about a database that cannot be used.
  private var remedy: String {
    guard let backups else { return "Put another one in its place." }
    let saving = "nameplate list KIND --output yaml, while this daemon runs"
    guard let backup = backups.newestSound else {
      return "There is no sound backup in \(directory.backups): "
        + (isInUse ? "save all records (\(saving)), stop the daemon, " : "")
        + "move the file away, start the daemon, and declare everything anew"
    }
    let time = CivilTime(secondsSince1970: backup.createdAtSeconds)
    let age = StoreFailure.age(seconds: Int(Date().timeIntervalSince1970) - backup.createdAtSeconds)
    return "The newest sound backup is \(backup.path), made \(age) ago (\(time)) at revision "
      + "\(backup.revision); what was written after it is lost"
      + (isInUse ? " unless you save it first (\(saving))" : "") + ". To go on from it: "
      + (isInUse ? "stop the daemon, " : "")
      + "nameplate backup restore \(backup.name) --state-directory \(directory.path), "
      + "then start the daemon"
  }

  private static func age(seconds: Int) -> String {
    switch seconds {
    case ..<120: "\(max(0, seconds)) seconds"
    case ..<7200: "\(seconds / 60) minutes"
    case ..<172_800: "\(seconds / 3600) hours"
    default: "\(seconds / 86_400) days"
    }
  }

  /// There is no database, for a backup has not come to its place.
  func unfinished(_ note: RestoreNote) -> StoreError {
    let isKept = StoreDirectory.suffixes.contains { suffix in
      note.kept.map { FileManager.default.fileExists(atPath: $0 + suffix) } ?? false
    }
    return .unavailable(
      "\(directory.database) is missing: the restore of a backup was cut short. Run it again: "
        + "nameplate backup restore \(note.backup ?? "NAME-OR-PATH") "
        + "--state-directory \(directory.path), then start the daemon. "
        + (isKept ? "What was there before is \(note.kept ?? ""), with its journal. " : "")
        + "To begin with an empty store instead, remove \(directory.restoreNoteFile)")
  }

  /// There is no database where there was one.
  var missing: StoreError { corrupt("is missing or empty, and there are backups of it") }
}

/// What a store's damage is told as: the same, whoever meets it. Backups are looked through for it, which
/// takes seconds, and readings of a damaged database may be many.
private final class ToldDamage: Sendable {
  private let told = Mutex<StoreError?>(nil)

  /// - Parameter make: Is called the first time; who comes meanwhile waits for it.
  func tell(_ make: () -> StoreError) -> StoreError {
    told.withLock { told in
      let error = told ?? make()
      told = error
      return error
    }
  }
}

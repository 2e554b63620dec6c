internal import Foundation
internal import Inventory

/// The state directory: its files, and the lock that keeps it to one daemon.
struct StoreDirectory {
  let path: String

  var database: String { path + "/nameplate.sqlite" }
  /// What the names of the database and of what SQLite keeps beside it end with.
  static let suffixes = ["", "-wal", "-shm", "-journal"]
  var lock: String { path + "/lock" }
  var backups: String { path + "/backups" }

  /// Makes the directory (mode 0700) and whatever leads to it, where it is not there yet.
  func create() throws(StoreError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .unavailable(
        "The state directory \(path) cannot be created (\(StoreDirectory.reason(error))); "
          + "check the path and who owns it")
    }
  }

  /// Makes an empty file (mode 0600) where there is none. SQLite gives its journal the mode of its
  /// database, so that the guests' passwords are readable by nobody else in either.
  func createDatabase() throws(StoreError) {
    let (file, code) = StoreDirectory.open(database, O_RDWR | O_CREAT)
    guard file >= 0 else { throw cannotOpen(database, code) }
    close(file)
    // The file's name is in the directory only once the directory is on disk.
    _ = StoreDirectory.sync(path)
  }

  /// Whether there is a database with something in it.
  var hasDatabase: Bool { databaseBytes > 0 }

  var databaseBytes: Int64 {
    let attributes = try? FileManager.default.attributesOfItem(atPath: database)
    return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
  }

  /// Whether SQLite has to undo something before the database can be read.
  var hasRollbackJournal: Bool { FileManager.default.fileExists(atPath: database + "-journal") }

  /// Makes the folder for backups (mode 0700) where there is none.
  func createBackups() throws(StoreError) {
    guard unsafe mkdir(backups, 0o700) != 0, errno != EEXIST else { return }
    throw cannotOpen(backups, errno)
  }

  /// Waits until a file or a directory is on disk; false where it cannot be.
  static func sync(_ path: String) -> Bool {
    let (file, _) = StoreDirectory.open(path, O_RDONLY)
    guard file >= 0 else { return false }
    defer { close(file) }
    return fsync(file) == 0
  }

  /// Takes the directory for this process, until the lock is released.
  func acquireLock() throws(StoreError) -> StoreLock {
    let (file, code) = StoreDirectory.open(lock, O_RDWR | O_CREAT)
    guard file >= 0 else { throw cannotOpen(lock, code) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      throw .unavailable(
        "The state directory \(path) is in use by another daemon; "
          + "stop that one, or give this one a directory of its own")
    }
    return StoreLock(file: file)
  }

  /// Takes over a lock that another daemon has and shares, so that nobody else can have it in between.
  /// - Parameter file: The open file of its lock; closed here where it is none.
  func inheritLock(_ file: Int32) throws(StoreError) -> StoreLock {
    var (given, own) = (stat(), stat())
    guard unsafe fstat(file, &given) == 0, unsafe stat(lock, &own) == 0, given.st_dev == own.st_dev,
      given.st_ino == own.st_ino, flock(file, LOCK_EX | LOCK_NB) == 0
    else {
      close(file)
      throw .unavailable("What the other daemon handed over is not the lock of \(path)")
    }
    return StoreLock(file: file, isShared: true)
  }

  /// Whether so little is left that a failure to write is explained by it: SQLite asks for its
  /// journal's index in blocks of 32 KiB.
  var isFull: Bool {
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: path)
    guard let free = attributes?[.systemFreeSize] as? NSNumber else { return false }
    return free.int64Value < 64 * 1024
  }

  private func cannotOpen(_ file: String, _ code: Int32) -> StoreError {
    if code == ENOSPC || code == EDQUOT {
      return .full(StoreFailure(directory: self, backups: nil).full)
    }
    return .unavailable(
      "\(file) cannot be opened (\(StoreDirectory.reason(code))); "
        + "check who owns it and its permissions")
  }

  /// The words for a number of errno's.
  static func reason(_ code: Int32) -> String {
    POSIXErrorCode(rawValue: code).map { POSIXError($0).localizedDescription } ?? "error \(code)"
  }

  /// A descriptor that no child process inherits, or -1 and the error's number.
  private static func open(_ path: String, _ flags: Int32) -> (file: Int32, code: Int32) {
    let file = unsafe Foundation.open(path, flags | O_CLOEXEC, 0o600)
    return (file, errno)
  }

  private static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
    return (underlying ?? error).localizedDescription
  }
}

internal import Foundation
internal import GRDB
public import Inventory

extension SQLiteStore {
  /// Writes a whole copy of the store, as of one revision, while it goes on working. Put in the
  /// place of a stopped daemon's `nameplate.sqlite`, it takes over.
  /// - Parameter path: Where to; must not exist yet. Made with mode 0600, for it holds passwords.
  /// - Throws: ``StoreError/unavailable(_:)``, ``StoreError/full(_:)``, or ``StoreError/corrupt(_:)``
  ///   where the store is known to be damaged; no partial copy is left.
  public func backup(to path: String) async throws(StoreError) {
    // A copy would be damaged too.
    if soundness.isDamaged { try soundness.check() }
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      let reason = POSIXErrorCode(rawValue: errno).map { POSIXError($0).localizedDescription }
      throw .unavailable(
        "The backup \(path) cannot be made (\(reason ?? "unknown error")); "
          + "name a file that does not exist, in a directory that can be written")
    }
    Foundation.close(file)
    do throws(StoreError) {
      // Handed on, not thrown: a copy that finds no room is no trouble of the store.
      let failure = try await read { source -> StoreError? in
        do {
          let copy = try DatabaseQueue(path: path)
          try copy.writeWithoutTransaction { try source.backup(to: $0) }
          try copy.close()
          return nil
        } catch let error as DatabaseError {
          return SQLiteStore.backupError(error, path)
        }
      }
      if let failure { throw failure }
    } catch {
      unsafe unlink(path)
      throw error
    }
  }

  private static func backupError(_ error: DatabaseError, _ path: String) -> StoreError {
    error.resultCode == .SQLITE_FULL
      ? .full("The disk is full and the backup \(path) was not kept; free some space")
      : .unavailable("The backup \(path) cannot be written: \(error.message ?? "unknown error")")
  }
}

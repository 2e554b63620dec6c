import ControlAPI
import ControlServer
import Foundation
import Inventory
import Logging
import MetadataService
import SQLiteStore
import ServiceLifecycle
import Synchronization

/// Makes backups of the store when they are due, and finds out when a store in trouble is well
/// again, so that health says so without a write.
struct StoreKeeper: Service {
  let store: SQLiteStore
  let catalog: LiveCatalog
  let backups: StoreBackups
  /// Zero: no backups but those that an operator asks for.
  let backupInterval: Duration
  let backupsKept: Int
  let logger: Logger

  /// Between looks at the store: what an operator waits for after freeing a disk.
  static let lookInterval = Duration.seconds(5)
  /// After a backup that failed, as on a full disk.
  private static let retryInterval = Duration.seconds(600)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await watch() }
        group.addTask { await backUp() }
      }
    }
  }

  /// The backups as the control API has them.
  var access: BackupAccess {
    BackupAccess(all: { backups.all.map(BackupForm.init) }) { () throws(StoreError) in
      BackupForm(try await make())
    }
  }

  // MARK: Steps

  private func watch() async {
    store.reportProblems { [logger] problem in
      if let problem {
        logger.error(
          "the store refuses writes; guests are answered from memory",
          metadata: ["reason": "\(problem)"])
      } else {
        logger.notice("the store takes writes again")
      }
    }
    while !Task.isCancelled {
      await store.check()
      try? await Task.sleep(for: StoreKeeper.lookInterval)
    }
  }

  private func backUp() async {
    guard backupInterval > .zero else { return }
    // Guests that ask a daemon which has just been started need the disk more.
    await catalog.waitUntilLoaded()
    var wait = firstWait
    while (try? await Task.sleep(for: wait)) != nil {
      wait = backupInterval
      do {
        // A store that has not changed is not copied again: older backups would go for it.
        guard try await store.revision() != backups.all.first?.revision else { continue }
        _ = try await make()
      } catch StoreError.corrupt {
        // It was told of, and is for good: a copy would be damaged, too.
        return
      } catch {
        // Whoever is to stop has given it up.
        guard !Task.isCancelled else { return }
        logger.error("no backup could be made", metadata: ["reason": "\(error)"])
        wait = min(backupInterval, StoreKeeper.retryInterval)
      }
    }
  }

  /// Until the first backup is due. A time that lies ahead is a clock's that was wrong.
  private var firstWait: Duration {
    guard let last = backups.all.first else { return .zero }
    let age = Duration.seconds(time(nil) - last.createdAtSeconds)
    return age < .zero || age > backupInterval ? .zero : backupInterval - age
  }

  private func make() async throws(StoreError) -> StoreBackups.Backup {
    let backup = try await backups.make(of: store)
    backups.prune(keeping: backupsKept)
    logger.info(
      "backup made", metadata: ["path": "\(backup.path)", "revision": "\(backup.revision)"])
    return backup
  }
}

extension BackupForm {
  init(_ backup: StoreBackups.Backup) {
    self.init(
      name: backup.name, path: backup.path, createdAtSeconds: backup.createdAtSeconds,
      revision: backup.revision, bytes: backup.bytes)
  }
}

/// Puts a backup in the place of a stopped daemon's store.
/// - Parameter name: A backup's name, or a path.
/// - Returns: The backup's revision, and where the store that was there before is kept now.
/// - Throws: ``StoreError``.
public func restoreBackup(_ name: String, stateDirectory: String) throws
  -> (revision: UInt64, before: String?)
{
  try StoreBackups(stateDirectory: stateDirectory).restore(name)
}

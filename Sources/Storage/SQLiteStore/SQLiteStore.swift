import CoreMetrics
internal import GRDB
public import Inventory
internal import Synchronization
import Telemetry

/// The embedded store: one SQLite database in a state directory that one daemon has to itself.
///
/// Whatever `commit` has returned for is on disk and survives a loss of power. The rules of what is
/// unique and what must exist stand in the schema; see `StoreSchema`.
public final class SQLiteStore: InventoryStore {
  let pool: DatabasePool
  let lock: StoreLock
  let handover = StoreHandover()
  let feed = ChangeFeed()
  private let waiting = CommitQueue()
  let failure: StoreFailure
  let soundness: StoreSoundness
  private let files: StoreFiles
  let trouble = StoreTrouble()
  /// Whether all records have been read, so that a daemon has them in memory.
  let isRead = Atomic(false)
  private let commits = Timer(label: Metric.storeCommitSeconds.rawValue)

  /// Opens the store of a state directory, or makes one that holds the network `default`.
  /// - Parameters:
  ///   - directory: Its path; made (mode 0700) where it is not there.
  ///   - now: Seconds since 1970, kept as the default network's creation time.
  ///   - inheritedLock: The open file of the directory's lock, from the daemon that has it and shares
  ///     it (``beginHandover(because:)``). It is closed with the store.
  ///   - checkedAtOnceBytes: A larger database takes seconds to check, in which guests would not be
  ///     answered: who opens it answers them first, and then calls ``checkPages()``, for which writes
  ///     wait.
  /// - Throws: ``StoreError/unavailable(_:)`` where another daemon has the directory, it cannot be
  ///   written, or a restore was cut short that has left no database, ``StoreError/corrupt(_:)`` where the file is damaged, foreign or a newer
  ///   version's (it is not touched), ``StoreError/full(_:)`` where no space is left.
  public init(
    directory: String, now: Int, inheritedLock: Int32? = nil,
    checkedAtOnceBytes: Int64 = 256 * 1024 * 1024
  ) throws(StoreError) {
    let place = StoreDirectory(path: directory)
    let backups = StoreBackups(place)
    failure = StoreFailure(directory: place, backups: backups)
    try place.create()
    lock =
      if let inheritedLock { try place.inheritLock(inheritedLock) } else { try place.acquireLock() }
    backups.removePartials()
    if place.hasDatabase {
      place.removeRestoreNote()
    } else {
      // A new one would be empty, and every guest unknown.
      if let note = place.restoreNote { throw failure.unfinished(note) }
      if !backups.all.isEmpty { throw failure.missing }
    }
    try place.createDatabase()
    do {
      let isSound = try SQLiteStore.probe(
        failure, isLarge: place.databaseBytes > checkedAtOnceBytes)
      soundness = StoreSoundness(isKnown: isSound)
      pool = try SQLiteStore.open(now: now, failure)
      files = StoreFiles(place)
    } catch {
      throw failure.storeError(error)
    }
  }

  deinit { close() }

  /// Ends all change streams, writes the journal into the database and gives up the directory.
  /// Every call after it fails as unavailable.
  public func close() {
    feed.finish()
    files.close()
    // Who waits to write must not do so now, into what nobody has checked.
    soundness.settle(failure.closed)
    // The last connection to go is a reader, which cannot do it. Another daemon has connections, and
    // does it in its time. What is damaged is left as it is.
    if !handover.isBegun, !soundness.isDamaged {
      try? pool.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      }
    }
    // SQLite refuses to close only what is in use, and then closes it with its last user.
    try? pool.close()
    lock.release()
  }

  /// Looks at the database before anything is written to it.
  /// - Returns: Whether all of it has been checked.
  private static func probe(_ failure: StoreFailure, isLarge: Bool) throws -> Bool {
    var reading = Configuration()
    // What a daemon that was killed while it changed the journal's mode has left is rolled back first.
    reading.readonly = !failure.directory.hasRollbackJournal
    let probe = try DatabaseQueue(path: failure.directory.database, configuration: reading)
    let isChecked = try probe.read { db in
      // A new version's tables are written at once, into what is known to be sound.
      let isChecked =
        try !isLarge || !StoreSchema.migrator(now: 0).hasCompletedMigrations(db)
      if isChecked { try StoreSchema.checkPages(db, failure: failure) }
      try StoreSchema.checkKind(db, failure: failure)
      return isChecked
    }
    try probe.close()
    return isChecked
  }

  private static func open(now: Int, _ failure: StoreFailure) throws -> DatabasePool {
    let file = failure.directory.database
    var configuration = Configuration()
    configuration.label = "Nameplate.SQLiteStore"
    configuration.foreignKeysEnabled = true
    // Another program may look into the file, such as a backup; it is waited for so many seconds.
    configuration.busyMode = .timeout(5)
    // Two read everything, the others what single guests need meanwhile.
    configuration.maximumReaderCount = 4
    // A roll-back that fails is tried again by the next commit; GRDB would end the process.
    configuration.allowsUnsafeTransactions = true
    let pool = try DatabasePool(path: file, configuration: configuration)
    // GRDB opens a journalled database with NORMAL, which may lose the last commits with the power.
    try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
    try StoreSchema.mark(pool)
    try StoreSchema.migrator(now: now).migrate(pool)
    return pool
  }

  // MARK: InventoryStore

  /// Whether it is still to be found out that the database is sound; see ``checkPages()``.
  public var isUnchecked: Bool { !soundness.isKnown }

  /// Once begun, a commit is carried to its end whether or not the one who asked still waits.
  public func commit(_ mutations: [Mutation], by context: WriteContext, now: Int, dryRun: Bool)
    async throws(StoreError) -> CommitResult
  {
    try await soundness.wait()
    let (failure, feed, handover, trouble) = (failure.inUse, feed, handover, trouble)
    let start = ContinuousClock.now
    defer {
      if !dryRun { commits.recordNanoseconds(Int64((.now - start) / .nanoseconds(1))) }
    }
    let told: Result<CommitResult, StoreError> = await withCheckedContinuation { asker in
      waiting.add(
        CommitQueue.Job(mutations: mutations, context: context, now: now, dryRun: dryRun) {
          // Here, where one write comes after the other: the last one's trouble is the last noted.
          if case .failure(let error) = $0, !handover.isBegun { trouble.note(error) }
          asker.resume(returning: $0)
        })
      // One turn of the writer for each commit, of which many find theirs written already.
      pool.asyncWriteWithoutTransaction { [waiting, files, soundness] db in
        let jobs = waiting.take()
        do throws(StoreError) {
          try handover.check()
          try files.check()
          try soundness.check()
        } catch {
          for job in jobs { job.tell(.failure(error)) }
          return
        }
        GroupCommit(db: db, failure: failure, soundness: soundness).run(jobs) { batch in
          trouble.current = nil
          feed.publish(batch)
        }
      }
    }
    return try told.get()
  }

  /// Runs `body` on the queue of writers, to its end whether or not the one who asked still waits.
  func onWritersQueue<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    let (failure, files, handover) = (failure.inUse, files, handover)
    let (soundness, trouble) = (soundness, trouble)
    let result: Result<Value, StoreError> = await withCheckedContinuation { asker in
      pool.asyncWriteWithoutTransaction { db in
        do {
          try handover.check()
          try files.check()
          try soundness.check()
          asker.resume(returning: .success(try body(db)))
        } catch {
          let error = failure.storeError(error)
          soundness.note(error)
          if !handover.isBegun { trouble.note(error) }
          asker.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  /// How a transaction ends that has not failed.
  enum Ending<Value> {
    case commit(Value)
    case rollback(Value)
  }

  static func transaction<Value>(_ db: Database, _ body: (Database) throws -> Ending<Value>) throws
    -> Value
  {
    if db.isInsideTransaction { try db.rollback() }
    try db.beginTransaction(.immediate)
    do {
      switch try body(db) {
      case .commit(let value):
        try db.commit()
        return value
      case .rollback(let value):
        try db.rollback()
        return value
      }
    } catch {
      // The first failure is the one to tell; a failed roll-back is repeated by the next commit.
      try? db.rollback()
      throw error
    }
  }

  /// Writes what is no record in one transaction, carried to its end as a commit is.
  /// - Parameter waits: Whether it waits until the database is known to be sound, as a commit does.
  func write(waits: Bool = true, _ body: @Sendable @escaping (Database) throws -> Void)
    async throws(StoreError)
  {
    if waits { try await soundness.wait() }
    try await onWritersQueue { db in
      try SQLiteStore.transaction(db) { db in .commit(try body(db)) }
    }
  }

  /// The last transaction's revision.
  public func revision() async throws(StoreError) -> Revision {
    try await read { db in try ResourceTable(db: db).revision() }
  }

  /// A reader that lags more than ``Limits/maximumWatchBacklog`` batches behind finds its stream
  /// ended, and asks again from the revision that it has reached.
  public func changes(after revision: Revision) async throws(StoreError)
    -> AsyncStream<ChangeBatch>
  {
    let failure = failureOfReading
    let listener = feed.reserve()
    do {
      let replay = try await read { db in
        try ChangeLog(db: db).replay(after: revision, failure)
      }
      return feed.open(listener, replay)
    } catch {
      feed.cancel(listener)
      throw error
    }
  }

  /// Reads in one transaction, so that all is as of one revision.
  func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value)
    async
    throws(StoreError) -> Value
  {
    do {
      try files.check()
      return try await pool.read(body)
    } catch {
      throw note(reading: error)
    }
  }
}

internal import Foundation
internal import GRDB
public import Inventory
internal import Synchronization

/// Reading much of the store at once, and the little that one guest needs.
extension SQLiteStore {
  /// How many threads read a store: as many as are worth it while guests are answered meanwhile.
  static let readingThreads = 2

  public func read(_ take: @escaping @Sendable (InventoryPart) -> Void) async throws(StoreError)
    -> Revision
  {
    let (failure, pool) = (failure, pool)
    let isGivenUp = Atomic(false)
    let result: Result<Revision, any Error> = await withTaskCancellationHandler {
      await withCheckedContinuation { asker in
        // Nobody writes before all threads have begun, so that all read the same revision.
        pool.asyncWriteWithoutTransaction { db in
          do {
            let work = try ReadingWork(db, failure: failure, take: take)
            let gathered = GatheredReading(threads: SQLiteStore.readingThreads) { error in
              asker.resume(returning: error.map { .failure($0) } ?? .success(work.revision))
            }
            for _ in 0..<SQLiteStore.readingThreads {
              pool.spawnConcurrentRead { db in
                gathered.end { try work.run(try db.get()) { isGivenUp.load(ordering: .relaxed) } }
              }
            }
          } catch {
            asker.resume(returning: .failure(error))
          }
        }
      }
    } onCancel: {
      isGivenUp.store(true, ordering: .relaxed)
    }
    do {
      let revision = try result.get()
      isRead.store(true, ordering: .relaxed)
      return revision
    } catch {
      throw note(reading: error)
    }
  }

  /// Finds out whether the database is sound, where that was not done when it was opened, which takes
  /// too long for a large one. Writes wait for it.
  /// - Parameter isServing: Whether guests are answered meanwhile, and will be where it is damaged.
  /// - Throws: ``StoreError/corrupt(_:)`` where it is damaged: all writes are refused with that from
  ///   now on. Another error where that could not be found out: they are refused until it is.
  public func checkPages(isServing: Bool = true) async throws(StoreError) {
    // What is damaged does not get well, and is told in the same words.
    if soundness.isDamaged { try soundness.check() }
    let failure = isServing ? failure.inUse : failure
    do {
      // A connection of its own: it reads for long, and what others have read is of no use to it.
      var reading = Configuration()
      reading.readonly = true
      let probe = try DatabaseQueue(path: failure.directory.database, configuration: reading)
      try await probe.read { db in try StoreSchema.checkPages(db, failure: failure) }
      try probe.close()
      soundness.settle(nil)
    } catch {
      let told = failure.storeError(error)
      soundness.settle(told)
      if !(error is CancellationError) { trouble.note(told) }
      throw told
    }
  }

  public func excerpt(for address: IPAddress, on network: NetworkID?) async throws(StoreError)
    -> InventorySnapshot
  {
    let failure = failure
    return try await read { db in
      let (resources, claims) = (ResourceTable(db: db), ClaimTable(db: db))
      let networks = try network.map { [$0] } ?? resources.networks()
      let holders = try claims.holders(of: networks.map { Claim.address(address, on: $0) })
      var wanted = Set(holders)
      for targets in try ReferenceTable(db: db).targets(of: holders).values {
        wanted.formUnion(targets)
      }
      if let network { wanted.insert(ResourceID(kind: .network, text: network.text)) }
      var found = try resources.records(wanted, failure)
      let projects = Set(holders.compactMap { found[$0]?.record.resource.project })
        .map { ResourceID(kind: .project, text: $0) }
      found.merge(try resources.records(projects, failure)) { first, _ in first }
      return InventorySnapshot(
        revision: try resources.revision(), records: found.values.map(\.record),
        passwords: try resources.passwords(of: holders.compactMap { InstanceID($0.text) }))
    }
  }
}

/// All rows, for several threads to share.
private final class ReadingWork: Sendable {
  let revision: Revision
  private let last: Int64
  private let total: Int
  private let failure: StoreFailure
  private let take: @Sendable (InventoryPart) -> Void
  /// The row to go on with, and whether somebody has read the passwords.
  private let state: Mutex<(next: Int64?, hasPasswords: Bool)>

  /// Rows of a part.
  private static let partRows: Int64 = 1024

  init(
    _ db: Database, failure: StoreFailure, take: @escaping @Sendable (InventoryPart) -> Void
  ) throws {
    let resources = ResourceTable(db: db)
    revision = try resources.revision()
    let (first, last) = try resources.extent()
    self.last = last
    total = try resources.count()
    self.failure = failure
    self.take = take
    state = Mutex((first, false))
  }

  /// Reads parts until there are no more.
  func run(_ db: Database, isGivenUp: () -> Bool) throws {
    let resources = ResourceTable(db: db)
    while let part = nextPart() {
      if isGivenUp() { throw CancellationError() }
      switch part {
      case .passwords:
        take(InventoryPart(entries: [], passwords: try resources.passwords(), total: total))
      case .rows(let rows):
        take(InventoryPart(entries: try resources.entries(in: rows, failure), total: total))
      }
    }
  }

  private enum Part {
    case passwords
    case rows(ClosedRange<Int64>)
  }

  private func nextPart() -> Part? {
    state.withLock { state in
      guard state.hasPasswords else {
        state.hasPasswords = true
        return .passwords
      }
      guard let start = state.next, start <= last else { return nil }
      let (end, isBeyond) = start.addingReportingOverflow(ReadingWork.partRows - 1)
      let stop = isBeyond ? last : min(end, last)
      state.next = stop < last ? stop + 1 : nil
      return .rows(start...stop)
    }
  }
}

/// Tells when the last of several threads has ended.
private final class GatheredReading: Sendable {
  private let state: Mutex<(left: Int, error: (any Error)?)>
  private let onEnd: @Sendable ((any Error)?) -> Void

  init(threads: Int, onEnd: @escaping @Sendable ((any Error)?) -> Void) {
    state = Mutex((threads, nil))
    self.onEnd = onEnd
  }

  func end(_ body: () throws -> Void) {
    let error: (any Error)?
    do {
      try body()
      error = nil
    } catch let failed {
      error = failed
    }
    let last: (any Error)?? = state.withLock { state in
      state.left -= 1
      state.error = state.error ?? error
      return state.left == 0 ? .some(state.error) : nil
    }
    if let last { onEnd(last) }
  }
}

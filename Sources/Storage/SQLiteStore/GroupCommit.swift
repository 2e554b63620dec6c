internal import GRDB
internal import Inventory

/// Writes several commits in one transaction, as if each had one of its own: each has its revision, is
/// refused without the others, and nobody is told of it before all of them are on disk.
struct GroupCommit {
  let db: Database
  let failure: StoreFailure
  /// Is told of damage before anything else is written.
  let soundness: StoreSoundness

  private typealias Outcome = Result<(CommitResult, ChangeBatch?), any Error>

  /// - Parameter publish: Is told of each batch that was written, in order.
  func run(_ jobs: [CommitQueue.Job], publish: (ChangeBatch) -> Void) {
    guard jobs.count > 1, let outcomes = together(jobs) else {
      for job in jobs { tell(job, alone(job), publish) }
      return
    }
    for (job, outcome) in zip(jobs, outcomes) { tell(job, outcome, publish) }
  }

  private func tell(
    _ job: CommitQueue.Job, _ outcome: Outcome, _ publish: (ChangeBatch) -> Void
  ) {
    switch outcome {
    case .success(let (result, batch)):
      if let batch { publish(batch) }
      job.tell(.success(result))
    case .failure(let error): job.tell(.failure(noted(error)))
    }
  }

  /// What a failure is told as, and noted where it is damage.
  private func noted(_ error: any Error) -> StoreError {
    let error = failure.storeError(error)
    soundness.note(error)
    return error
  }

  /// A commit in a transaction of its own.
  private func alone(_ job: CommitQueue.Job) -> Outcome {
    Outcome {
      try soundness.check()
      return try SQLiteStore.transaction(db) { db in
        let (result, batch) = try work(job)
        return batch == nil ? .rollback((result, nil)) : .commit((result, batch))
      }
    }
  }

  /// All in one transaction, each in a savepoint.
  /// - Returns: Nil where it failed as a whole and nothing was written. Who is to blame shows when each
  ///   is written alone, save where it is damage: then none is.
  private func together(_ jobs: [CommitQueue.Job]) -> [Outcome]? {
    do {
      try soundness.check()
      return try SQLiteStore.transaction(db) { db in
        let outcomes = try jobs.map { job in try isolated(job) }
        let isEffective = outcomes.contains { outcome in
          if case .success(let (_, batch)) = outcome { batch != nil } else { false }
        }
        return isEffective ? .commit(outcomes) : .rollback(outcomes)
      }
    } catch {
      _ = noted(error)
      return nil
    }
  }

  /// - Throws: Where it is not the commit that is refused, but SQLite that fails.
  private func isolated(_ job: CommitQueue.Job) throws -> Outcome {
    try db.execute(sql: "SAVEPOINT job")
    do {
      let (result, batch) = try work(job)
      if batch == nil { try db.execute(sql: "ROLLBACK TO job") }
      try db.execute(sql: "RELEASE job")
      return .success((result, batch))
    } catch let refusal as StoreError where !refusal.isDamage {
      try db.execute(sql: "ROLLBACK TO job")
      try db.execute(sql: "RELEASE job")
      return .failure(refusal)
    }
  }

  /// What a commit comes to; without a batch where nothing of it is to stay.
  private func work(_ job: CommitQueue.Job) throws -> (CommitResult, ChangeBatch?) {
    let (result, batch) = try StoreTransaction(db: db, failure: failure)
      .run(job.mutations, by: job.context, now: job.now)
    return (result, job.dryRun ? nil : batch)
  }
}

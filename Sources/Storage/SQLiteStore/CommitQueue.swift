internal import Inventory
internal import Synchronization

/// Commits that wait for the writer. One transaction takes all that have come while the last one
/// reached the disk: what takes time is to reach it.
final class CommitQueue: Sendable {
  /// A commit, and who is told what becomes of it.
  struct Job: Sendable {
    let mutations: [Mutation]
    let context: WriteContext
    let now: Int
    let dryRun: Bool
    let tell: @Sendable (Result<CommitResult, StoreError>) -> Void
  }

  /// In one transaction: so many are written well within what one takes to reach a disk.
  static let maximumJobs = 64

  private let jobs = Mutex<[Job]>([])

  func add(_ job: Job) { jobs.withLock { $0.append(job) } }

  /// The next to be written together; none where others have taken them.
  func take() -> [Job] {
    jobs.withLock { jobs in
      // An import is a transaction of its own: nobody should wait for it twice.
      let count = jobs.prefix(CommitQueue.maximumJobs).prefix { $0.mutations.count == 1 }.count
      let taken = Array(jobs.prefix(max(count, 1)))
      jobs.removeFirst(taken.count)
      return taken
    }
  }
}

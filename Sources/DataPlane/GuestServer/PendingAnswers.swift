import Inventory
import MetadataService

/// Requests whose answer must be waited for, and the tasks that wait.
struct PendingAnswers: Sendable {
  struct Job: Sendable {
    let pending: MetadataService.Pending
    let deliver: @Sendable (GuestAnswer) -> Void
  }

  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation

  init() {
    (jobs, queue) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(Limits.maximumPendingRequests))
  }

  /// Whether the request was taken on; else it is one too many.
  func add(_ job: Job) -> Bool {
    if case .enqueued = queue.yield(job) { true } else { false }
  }

  /// Takes no more; ``run(_:)`` returns when all is answered.
  func finish() { queue.finish() }

  /// Waits for every request that is added, each in a task of its own.
  func run(_ service: MetadataService) async {
    await withDiscardingTaskGroup { group in
      for await job in jobs {
        group.addTask { job.deliver(await service.finish(job.pending)) }
      }
    }
  }
}

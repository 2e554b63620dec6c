import MetadataService
import Synchronization

/// The requests that cannot be answered at once, on their way from the event loops to the tasks
/// that wait for them.
final class PendingAnswers: Sendable {
  private struct Job: Sendable {
    let pending: MetadataService.Pending
    let deliver: @Sendable (GuestAnswer) -> Void
  }

  private let service: MetadataService
  private let limit: Int
  private let count = Mutex(0)
  private let jobs: AsyncStream<Job>
  private let queue: AsyncStream<Job>.Continuation

  init(service: MetadataService, limit: Int) {
    self.service = service
    self.limit = limit
    // Not bounded here: `count` is, and it counts those under way too.
    (jobs, queue) = AsyncStream.makeStream()
  }

  /// How many requests wait.
  var waiting: Int { count.withLock(\.self) }

  /// Takes a request over. The answer comes to `deliver`, on any thread, once.
  /// - Returns: False where too many wait already; the request is given up then.
  func submit(
    _ pending: MetadataService.Pending, deliver: @escaping @Sendable (GuestAnswer) -> Void
  ) -> Bool {
    let hasRoom = count.withLock { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
    if hasRoom, case .enqueued = queue.yield(Job(pending: pending, deliver: deliver)) {
      return true
    }
    if hasRoom { count.withLock { $0 -= 1 } }
    service.abandon(pending)
    return false
  }

  /// Finishes what is submitted, each request in a task of its own, until ``close()`` and the last
  /// answer, or until the task is cancelled, which has every answer given at once.
  ///
  /// A guest that leaves does not end its request: a hold is short, and a password that has been
  /// sent is to be kept.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in jobs {
        group.addTask {
          let answer = await self.service.finish(job.pending)
          self.count.withLock { $0 -= 1 }
          job.deliver(answer)
        }
      }
    }
  }

  /// Takes nothing more.
  func close() { queue.finish() }
}

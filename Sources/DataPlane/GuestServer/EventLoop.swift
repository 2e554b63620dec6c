import CEventLoop
import Glibc
import Synchronization

/// A thread that serves connections, as others see it: whom to hand work to.
final class EventLoop: Sendable {
  /// Done on the thread itself, between two turns.
  typealias Job = @Sendable (LoopThread, inout Turn) -> Void

  private struct Inbox {
    var jobs: [Job] = []
    var isOver = false
  }

  /// Closed with the last reference, so that no waker ever writes to another's descriptor.
  let poll: CInt
  let wake: CInt
  private let inbox = Mutex(Inbox())
  private let end: AsyncStream<Never>
  private let ended: AsyncStream<Never>.Continuation

  private init(poll: CInt, wake: CInt) {
    self.poll = poll
    self.wake = wake
    (end, ended) = AsyncStream.makeStream()
  }

  deinit {
    if poll >= 0 { close(poll) }
    if wake >= 0 { close(wake) }
  }

  static func start(_ number: Int) throws(GuestLoops.StartError) -> EventLoop {
    let loop = EventLoop(
      poll: epoll_create1(CInt(EPOLL_CLOEXEC)),
      wake: eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)))
    guard loop.poll >= 0, loop.wake >= 0 else { throw GuestLoops.StartError(code: errno) }
    let body = unsafe Unmanaged.passRetained(ThreadBody(loop: loop, number: number))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { body in
        if let body = unsafe body {
          unsafe Unmanaged<ThreadBody>.fromOpaque(body).takeRetainedValue().run()
        }
        return nil
      }, body.toOpaque())
    guard code == 0 else {
      unsafe body.release()
      throw GuestLoops.StartError(code: code)
    }
    pthread_detach(thread)
    return loop
  }

  private final class ThreadBody: Sendable {
    let loop: EventLoop
    let number: Int

    init(loop: EventLoop, number: Int) {
      self.loop = loop
      self.number = number
    }

    func run() {
      unsafe np_name_thread("guests-\(number)")
      LoopThread(loop).run()
      loop.ended.finish()
    }
  }

  /// Has the thread do something soon.
  /// - Returns: False where the thread has ended; nothing is done then.
  @discardableResult
  func execute(_ job: @escaping Job) -> Bool {
    inbox.withLock { inbox in
      guard !inbox.isOver else { return false }
      inbox.jobs.append(job)
      if inbox.jobs.count == 1 { eventfd_write(wake, 1) }
      return true
    }
  }

  /// Has the thread do something, and waits until it has; returns at once where it has ended.
  func perform(_ job: @escaping Job) async {
    await withCheckedContinuation { continuation in
      let isTaken = execute { thread, turn in
        job(thread, &turn)
        continuation.resume()
      }
      if !isTaken { continuation.resume() }
    }
  }

  /// Has the thread find something out; nil where it has ended.
  func ask<Answer: Sendable>(_ question: @escaping @Sendable (borrowing Turn) -> Answer) async
    -> Answer?
  {
    await withCheckedContinuation { continuation in
      let isTaken = execute { continuation.resume(returning: question($1)) }
      if !isTaken { continuation.resume(returning: nil) }
    }
  }

  /// Has the thread end after what it was given before.
  func stop() { execute { thread, _ in thread.stop() } }

  func waitForEnd() async {
    for await _ in end {}
  }

  // MARK: On the thread

  /// The jobs that wait.
  func takeJobs() -> [Job] {
    var count = eventfd_t()
    _ = unsafe eventfd_read(wake, &count)
    return inbox.withLock { inbox in
      defer { inbox.jobs = [] }
      return inbox.jobs
    }
  }

  /// Takes no more jobs.
  /// - Returns: Those that came last.
  func endJobs() -> [Job] {
    inbox.withLock { inbox in
      defer { inbox.jobs = [] }
      inbox.isOver = true
      return inbox.jobs
    }
  }
}

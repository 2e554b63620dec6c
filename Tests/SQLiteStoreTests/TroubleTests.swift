import Foundation
import GRDB
import Inventory
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("What a store says of its troubles", .timeLimit(.minutes(1)))
struct TroubleTests {
  private static let error = StoreError.unavailable("it is away")

  @Test("what is told last is what is so, also where it changes while it is told")
  func order() {
    let trouble = StoreTrouble()
    let told = Mutex<[StoreError?]>([])
    trouble.current = Self.error
    trouble.report { error in
      // As when another thread is faster with its news.
      if error != nil { trouble.current = nil }
      told.withLock { $0.append(error) }
    }
    #expect(told.withLock { $0 } == [Self.error, nil])
    trouble.current = Self.error
    #expect(told.withLock { $0 } == [Self.error, nil, Self.error, nil])
    trouble.current = nil
    #expect(told.withLock(\.count) == 4, "nothing has changed")
  }

  @Test("a store in trouble is well again once something was written, and not for a look")
  func proof() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      let before = try await store.put(try instance(1)).revision
      let journal = { FileManager.default.contents(atPath: directory.database + "-wal") }
      let bytes = journal()
      store.trouble.current = Self.error
      // What is there already is written by no commit.
      #expect(try await store.put(try instance(1)).revision == before)
      #expect(store.problem == Self.error && journal() == bytes)
      #expect(await store.check() == nil)
      #expect(journal() != bytes)
      #expect(try await store.revision() == before)
      store.trouble.current = Self.error
      try await store.put(try instance(2))
      #expect(store.problem == nil)
    }
  }

  @Test("who gives a reading up does not find fault with the store")
  func givenUp() async throws {
    try await withStore { store in
      let given = Task {
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        return try await store.revision()
      }
      await #expect(throws: StoreError.self) { try await given.value }
      #expect(store.problem == nil)
    }
  }

  @Test("of two writes the later one says how the store is, whoever of the askers goes on first")
  func laterWrite() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      defer { store.close() }
      let (database, away) = (directory.database, directory.database + ".away")
      try FileManager.default.moveItem(atPath: database, toPath: away)
      // Nothing is written before the first asker waits for it.
      let waits = DispatchSemaphore(value: 0)
      store.pool.asyncWriteWithoutTransaction { _ in waits.wait() }
      let held = HeldTask()
      let refusal = Task(executorPreference: held) {
        try await store.refusal(of: .put(try instance(1)))
      }
      await held.runNext()
      waits.signal()
      // It was carried out, and its asker has not gone on yet.
      let rest = await held.next()
      try FileManager.default.moveItem(atPath: away, toPath: database)
      try await store.put(try instance(2))
      async let _ = held.runAll(from: rest)
      #expect(try await refusal.value?.description.contains("was removed or replaced") == true)
      #expect(store.problem == nil)
    }
  }
}

/// Has a task go on when a test says so.
private final class HeldTask: TaskExecutor {
  private let jobs = AsyncStream.makeStream(of: UnownedJob.self)

  func enqueue(_ job: consuming ExecutorJob) { jobs.continuation.yield(UnownedJob(job)) }

  /// What is to be run next, once there is something.
  func next() async -> UnownedJob? {
    for await job in jobs.stream { return job }
    return nil
  }

  func runNext() async { run(await next()) }

  /// Runs a job, and whatever comes after it, until it is cancelled.
  func runAll(from first: UnownedJob?) async {
    var job = first
    while job != nil {
      run(job)
      job = await next()
    }
  }

  private func run(_ job: UnownedJob?) {
    unsafe job?.runSynchronously(on: asUnownedTaskExecutor())
  }
}

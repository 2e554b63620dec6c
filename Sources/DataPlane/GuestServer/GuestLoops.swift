import Glibc

/// The threads that serve the guests' connections.
///
/// Each has every listener: the kernel wakes one that is free, which accepts a connection and serves
/// it to its end. A connection never changes threads, so nothing of it is shared or locked.
public final class GuestLoops: Sendable {
  /// The system has no more threads or descriptors to give.
  public struct StartError: Error, Sendable, Hashable, CustomStringConvertible {
    let code: CInt

    public var description: String {
      "cannot start the threads that serve guests: \(systemReason(code)); raise the limits on open"
        + " files (LimitNOFILE=, ulimit -n) and on tasks (TasksMax=, ulimit -u)"
    }
  }

  let all: [EventLoop]

  /// Starts threads, to be ended with ``stop()``.
  public static func start(_ count: Int) throws(StartError) -> GuestLoops {
    var loops: [EventLoop] = []
    do {
      for number in 0..<max(1, count) { loops.append(try EventLoop.start(number)) }
    } catch {
      for loop in loops { loop.stop() }
      throw error
    }
    return GuestLoops(loops)
  }

  private init(_ loops: [EventLoop]) { all = loops }

  /// Ends the threads, and with them the connections that are still open.
  public func stop() async {
    stopSoon()
    for loop in all { await loop.waitForEnd() }
  }

  /// Has the threads end as soon as they have done what they were given before.
  func stopSoon() {
    for loop in all { loop.stop() }
  }

  /// Has each thread do something, and waits until all have.
  func perform(_ job: @escaping EventLoop.Job) async {
    for loop in all { await loop.perform(job) }
  }

  // MARK: What they have done

  /// What all threads have done since they were started. Each says it between two of its turns.
  public func tally() async -> GuestTally {
    await tallies().reduce(into: GuestTally()) { $0.add($1) }
  }

  /// The same, and which guests have asked most, of those that asked within the last so many seconds.
  public func activity(withinSeconds seconds: Int) async -> (
    tally: GuestTally, busiest: [BusyGuest]
  ) {
    let tallies = await tallies()
    let start = LoopThread.now() / 1000 - seconds
    var sums: [GuestAccounts.Guest: BusyGuest] = [:]
    for guest in tallies.flatMap({ $0.busy.guests(since: start) }) {
      let key = GuestAccounts.Guest(network: guest.network, address: guest.address)
      sums[key] = sums[key].map { $0.adding(guest) } ?? guest
    }
    return (
      tallies.reduce(into: GuestTally()) { $0.add($1) },
      sums.values.sorted { $1.requests < $0.requests }
    )
  }

  private func tallies() async -> [GuestTally] {
    var tallies: [GuestTally] = []
    for loop in all {
      if let tally = await loop.ask({ $0.tally }) { tallies.append(tally) }
    }
    return tallies
  }
}

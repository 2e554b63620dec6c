/// What follows a round: pure, with the time and a random number passed in.
struct Schedule {
  /// How a round ended.
  enum Outcome: Hashable {
    /// Everything is as the service says.
    case done
    /// The same, and the service holds the next question back until something has changed.
    case following
    /// Everything is as the drive says, and the service is to be asked too.
    case serviceNext
    /// Something is not, with the sentence for the console.
    case failed(String)
    /// Nobody answered.
    case noService(String)
  }

  enum Action: Hashable {
    case end(ExitStatus)
    case wait(milliseconds: Int64)
  }

  private let watchMilliseconds: Int64?
  private let end: Int64?
  private var backoff: Backoff

  /// - Parameters:
  ///   - watchMilliseconds: How often to look again once everything is done; nil ends then.
  ///   - timeoutMilliseconds: When to give up; nil never does, 0 after one round.
  init(watchMilliseconds: Int64?, timeoutMilliseconds: Int64?, now: Int64) {
    self.watchMilliseconds = watchMilliseconds
    // A watch that is in trouble looks no less often than one that is not.
    backoff = Backoff(
      longestMilliseconds: min(Bounds.longestWaitMilliseconds, watchMilliseconds ?? .max))
    end = timeoutMilliseconds.map { now + $0 }
  }

  mutating func after(_ outcome: Outcome, now: Int64, random: Double) -> Action {
    if case .serviceNext = outcome {
      backoff.reset()
      return .wait(milliseconds: 0)
    }
    if outcome == .done || outcome == .following {
      backoff.reset()
      guard let watchMilliseconds else { return .end(.done) }
      let pause =
        outcome == .done ? watchMilliseconds : min(watchMilliseconds, Bounds.holdPauseMilliseconds)
      return .wait(milliseconds: Backoff.jitter(pause, random: random))
    }
    let wait = backoff.next(random: random)
    guard let end else { return .wait(milliseconds: wait) }
    guard now < end else {
      if case .noService = outcome { return .end(.noService) }
      return .end(.failed)
    }
    // The last try is at the very end.
    return .wait(milliseconds: min(wait, end - now))
  }
}

/// How the program ends.
public enum ExitStatus: Int32, Sendable {
  case done = 0
  case failed = 1
  case usage = 2
  case noService = 3
}

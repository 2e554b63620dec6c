/// Keeps a redirect in its place: looks, repairs, and says what it repaired.
public struct RedirectReconciler: Sendable {
  public enum Event: Sendable, Hashable {
    /// What was missing or wrong.
    case repaired([String])
    /// It cannot be checked or repaired; said once for the same reason.
    case failed(String)
    /// Something else undoes each repair at once: what is wrong again. It is repaired again, ever
    /// more slowly, until the other one stops.
    case contested([String])
  }

  private let redirect: Redirect
  private let sleep: @Sendable (Duration) async throws -> Void

  /// - Parameter sleep: Returns after the duration, or throws where it is cancelled.
  public init(
    _ redirect: Redirect,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.redirect = redirect
    self.sleep = sleep
  }

  /// Runs until its task is cancelled. What is in place is left in place.
  public func run(
    every interval: Duration = .milliseconds(400), report: @Sendable (Event) -> Void
  ) async {
    var pace = RedirectPace(interval: interval)
    while !Task.isCancelled {
      let step: RedirectPace.Step
      do {
        step = pace.next(.success(try await redirect.install()))
      } catch {
        if Task.isCancelled { return }
        step = pace.next(.failure(error))
      }
      if let event = step.event { report(event) }
      do { try await sleep(step.pause) } catch { return }
    }
  }
}

/// When to look again, and what to say.
struct RedirectPace {
  struct Step: Hashable {
    let event: RedirectReconciler.Event?
    let pause: Duration
  }

  /// So many looks in a row that had to repair are a contest.
  static let maximumRepairs = 5
  static let maximumPause = Duration.seconds(10)

  let interval: Duration
  private var repairs = 0
  private var pause: Duration
  private var failure: String?

  init(interval: Duration) {
    self.interval = interval
    pause = interval
  }

  mutating func next(_ result: Result<RedirectOutcome, RedirectError>) -> Step {
    switch result {
    case .success(.unchanged):
      (repairs, pause, failure) = (0, interval, nil)
      return Step(event: nil, pause: pause)
    case .success(.installed(let drift)):
      failure = nil
      repairs += 1
      guard repairs > Self.maximumRepairs else {
        return Step(event: .repaired(drift), pause: interval)
      }
      pause = max(interval, min(pause * 2, Self.maximumPause))
      return Step(event: .contested(drift), pause: pause)
    case .failure(let error):
      let text = error.description
      let isNew = failure != text
      failure = text
      return Step(event: isNew ? .failed(text) : nil, pause: interval)
    }
  }
}

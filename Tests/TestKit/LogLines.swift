public import Foundation
import Synchronization
public import Testing

/// What a program has written so far, for who waits for a line of it. Who waits in vain fails the test.
public final class LogLines: Sendable {
  private enum Outcome: Sendable { case met, ended, late }

  private struct Waiter {
    /// Nil for the end.
    let text: String?
    let times: Int
    let continuation: CheckedContinuation<Outcome, Never>

    func outcome(_ state: State) -> Outcome? {
      if let text, state.has(text, times: times) { return .met }
      return state.hasEnded ? .ended : nil
    }
  }

  private struct State {
    var text = ""
    var hasEnded = false
    /// Which program's lines they are: the end of one before may be heard late.
    var program = 0
    var waiters: [Int: Waiter] = [:]
    var lastWaiter = 0

    func has(_ wanted: String, times: Int) -> Bool {
      times == 1
        ? text.contains(wanted) : text.components(separatedBy: wanted).count > times
    }
  }

  private let state = Mutex(State())

  public init() {}

  public var all: String { state.withLock { $0.text } }

  /// Reads until the other end is closed: what nobody reads would fill the pipe.
  public func read(_ handle: FileHandle) {
    let program = state.withLock { state in
      state.hasEnded = false
      state.program += 1
      return state.program
    }
    // A thread, not a readability handler: who lets go of a daemon would close the file under
    // Dispatch, which does not bear that.
    Thread.detachNewThread {
      var hasEnded = false
      while !hasEnded {
        let data = handle.availableData
        hasEnded = data.isEmpty
        self.change { state in
          state.text += String(decoding: data, as: UTF8.self)
          if hasEnded && program == state.program { state.hasEnded = true }
        }
      }
    }
  }

  /// Changes what is there, and lets those go on who need not wait any longer.
  private func change(_ body: (inout State) -> Void) {
    let done = state.withLock { state in
      body(&state)
      var done: [(continuation: CheckedContinuation<Outcome, Never>, outcome: Outcome)] = []
      for (number, waiter) in state.waiters {
        guard let outcome = waiter.outcome(state) else { continue }
        state.waiters[number] = nil
        done.append((waiter.continuation, outcome))
      }
      return done
    }
    for waiter in done { waiter.continuation.resume(returning: waiter.outcome) }
  }

  // MARK: Waiting

  /// What comes at all comes within a second, on a busy host within some; a sanitizer makes programs
  /// several times slower.
  public static let patienceSeconds: Double = Sanitizer.isPresent ? 240 : 60

  /// True once the text is there so many times; false where the program has ended without it, and where
  /// it did not come in time, which fails the test.
  public func wait(
    for text: String, times: Int = 1, withinSeconds seconds: Double = patienceSeconds,
    at place: SourceLocation = #_sourceLocation
  ) async -> Bool {
    await outcome(of: text, times, seconds, place) == .met
  }

  /// Returns once the program has ended and all that it wrote is here.
  public func waitForEnd(at place: SourceLocation = #_sourceLocation) async {
    _ = await outcome(of: nil, 1, Self.patienceSeconds, place)
  }

  private func outcome(of text: String?, _ times: Int, _ seconds: Double, _ place: SourceLocation)
    async -> Outcome
  {
    let outcome = await withCheckedContinuation { continuation in
      let number = state.withLock { state in
        state.lastWaiter += 1
        state.waiters[state.lastWaiter] = Waiter(
          text: text, times: times, continuation: continuation)
        return state.lastWaiter
      }
      // It may be there already.
      change { _ in }
      guard state.withLock({ $0.waiters[number] != nil }) else { return }
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) {
        self.state.withLock { $0.waiters.removeValue(forKey: number)?.continuation }?
          .resume(returning: .late)
      }
    }
    if outcome == .late {
      let wanted = text.map { "\($0.debugDescription)\(times > 1 ? ", \(times) times" : "")" }
      let last = all.split(separator: "\n").suffix(10).map { $0.prefix(500) }
      Issue.record(
        """
        \(wanted ?? "the end") did not come within \(seconds) s; the last lines seen are
        \(last.isEmpty ? "(none)" : last.joined(separator: "\n"))
        """, sourceLocation: place)
    }
    return outcome
  }

  // MARK: Forgetting

  public func forgetAll() { state.withLock { $0.text = "" } }

  /// Takes a text out, so that the next one is waited for.
  public func forget(_ text: String) { state.withLock { $0.text.replace(text, with: "") } }
}

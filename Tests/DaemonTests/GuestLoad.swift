import Foundation
import Synchronization

/// Guests that ask again and again, each time on a new connection, until they are stopped.
final class GuestLoad: Sendable {
  struct Result: Sendable {
    /// How often each guest was answered as it should be.
    var answers: [Int]
    /// What else guests saw.
    var failures: [String]
  }

  private struct State {
    var result: Result
    var isOver = false
    var running: Int
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// Who waits for so many answers of each guest.
    var patient: [(least: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Mutex<State>

  /// - Parameters:
  ///   - sources: The guests' addresses.
  ///   - answer: What the host name of each of them is.
  init(port: Int, sources: [String], answer: String) {
    state = Mutex(
      State(
        result: Result(answers: sources.map { _ in 0 }, failures: []), running: sources.count))
    for (index, source) in sources.enumerated() {
      Thread.detachNewThread {
        while self.goesOn {
          do {
            let connection = try KeptConnection(port: port, source: source)
            defer { connection.close() }
            let text = try connection.get("/latest/meta-data/hostname")
            let isRight = text.hasPrefix("HTTP/1.1 200 ") && text.hasSuffix("\r\n\r\n\(answer)")
            self.note(index, isRight ? nil : text)
          } catch {
            self.note(index, "\(error)")
          }
        }
        self.end()
      }
    }
  }

  private var goesOn: Bool { state.withLock { !$0.isOver } }

  private func note(_ index: Int, _ failure: String?) {
    let satisfied = state.withLock { state in
      if let failure {
        state.result.failures.append(failure)
      } else {
        state.result.answers[index] += 1
      }
      let least = state.result.answers.min() ?? 0
      defer { state.patient.removeAll { $0.least <= least } }
      return state.patient.filter { $0.least <= least }
    }
    for waiter in satisfied { waiter.continuation.resume() }
  }

  private func end() {
    let waiters = state.withLock { state in
      state.running -= 1
      guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns once each guest has been answered so many times more.
  func answers(more count: Int) async {
    await withCheckedContinuation { continuation in
      state.withLock { state in
        let least = (state.result.answers.max() ?? 0) + count
        state.patient.append((least, continuation))
      }
    }
  }

  /// What the guests have seen, once the last of them has its answer.
  func stop() async -> Result {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        state.isOver = true
        if state.running > 0 { state.waiters.append(continuation) }
        return state.running == 0
      }
      if isDone { continuation.resume() }
    }
    return state.withLock(\.result)
  }
}

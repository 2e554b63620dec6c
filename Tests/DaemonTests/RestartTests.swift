import Foundation
import Synchronization
import TestKit
import Testing

@Suite("Restart under load", .timeLimit(.minutes(3)))
struct RestartTests {
  @Test("with the socket in a supervisor's hands, no guest is refused, reset or told wrong")
  func socketActivation() async throws {
    let sources = (1...6).map { "127.0.0.\($0)" }
    let addresses = sources.map { "  - ip: \($0)\n" }.joined()
    let manifest = DaemonTests.manifest.replacing(
      "- address: 127.0.0.1", with: "- addresses:\n\(addresses)")
    // The guests ask as fast as they can.
    let supervisor = try Supervisor(
      manifest: manifest, options: ["--guest-requests-per-second", "0"])
    defer { supervisor.close() }
    try supervisor.start()
    #expect(await supervisor.notice() == "READY=1")
    let guests = RestlessGuests(sources, port: supervisor.port)
    for _ in 0..<5 {
      await guests.everybodyHasAsked(10)
      supervisor.terminate()
      #expect(await supervisor.notice() == "STOPPING=1")
      #expect(await supervisor.ended() == 0)
      try supervisor.start()
      #expect(await supervisor.notice() == "READY=1")
    }
    await guests.everybodyHasAsked(10)
    #expect(await guests.end() == [])
  }
}

/// Guests that ask on new connections all the time, each with a thread of its own.
private final class RestlessGuests: Sendable {
  private struct Waiter {
    let counts: [Int]
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    /// Requests that are over, by guest.
    var counts: [Int]
    var failures: [String] = []
    var isOver = false
    var running: Int
    var waiters: [Waiter] = []
    var ending: CheckedContinuation<Void, Never>?
  }

  private let state: Mutex<State>

  init(_ sources: [String], port: Int) {
    state = Mutex(State(counts: sources.map { _ in 0 }, running: sources.count))
    for (number, source) in sources.enumerated() {
      Thread.detachNewThread { self.ask(number, from: source, port: port) }
    }
  }

  private func ask(_ number: Int, from source: String, port: Int) {
    var goesOn = true
    while goesOn {
      let failure = failure(from: source, port: port)
      let (waiters, isOver) = state.withLock { state in
        state.counts[number] += 1
        if let failure { state.failures.append("\(source): \(failure)") }
        let counts = state.counts
        let isMet = { (waiter: Waiter) in zip(counts, waiter.counts).allSatisfy { $0 >= $1 } }
        defer { state.waiters.removeAll(where: isMet) }
        return (state.waiters.filter(isMet), state.isOver)
      }
      for waiter in waiters { waiter.continuation.resume() }
      goesOn = !isOver
    }
    let ending = state.withLock { state in
      state.running -= 1
      return state.running == 0 ? state.ending : nil
    }
    ending?.resume()
  }

  /// What went wrong with one request; nil where nothing did.
  private func failure(from source: String, port: Int) -> String? {
    do {
      let connection = try KeptConnection(port: port, source: source)
      defer { connection.close() }
      let answer = try connection.get("/latest/meta-data/hostname")
      let isRight = answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("\r\n\r\ndemo")
      return isRight ? nil : answer
    } catch {
      return "\(error)"
    }
  }

  /// Returns once each guest has asked so many times more.
  func everybodyHasAsked(_ times: Int) async {
    await withCheckedContinuation { continuation in
      state.withLock { state in
        state.waiters.append(
          Waiter(counts: state.counts.map { $0 + times }, continuation: continuation))
      }
    }
  }

  /// Ends them all.
  /// - Returns: The first things that went wrong.
  func end() async -> [String] {
    await withCheckedContinuation { continuation in
      state.withLock { state in
        state.isOver = true
        state.ending = continuation
      }
    }
    return state.withLock { Array($0.failures.prefix(5)) }
  }
}

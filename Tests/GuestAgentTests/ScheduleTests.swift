import Testing

@testable import GuestAgent

@Suite("What follows a round")
struct ScheduleTests {
  @Test("waits double up to the longest, each between half of it and the whole, without an end")
  func backoff() {
    var least = Backoff(firstMilliseconds: 250, longestMilliseconds: 30_000)
    var most = least
    let steps: [Int64] = [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    for step in steps + [Int64](repeating: 30_000, count: 1000) {
      let waits = (least.next(random: 0), most.next(random: 1))
      #expect(waits == (step / 2, step))
    }
    most.reset()
    let wait = most.next(random: 1)
    #expect(wait == 250)
  }

  /// What follows outcomes, each at its time.
  static func actions(
    _ outcomes: [(Schedule.Outcome, Int64)], watch: Int64? = nil, timeout: Int64? = nil,
    random: Double = 1
  ) -> [Schedule.Action] {
    var schedule = Schedule(watchMilliseconds: watch, timeoutMilliseconds: timeout, now: 0)
    return outcomes.map { schedule.after($0.0, now: $0.1, random: random) }
  }

  @Test("done ends it, or with a watch waits for the next look")
  func done() {
    #expect(Self.actions([(.done, 0)]) == [.end(.done)])
    #expect(Self.actions([(.serviceNext, 0)], timeout: 0) == [.wait(milliseconds: 0)])
    // A failure is tried again soon, and a success after it forgets it.
    let outcomes: [(Schedule.Outcome, Int64)] = [
      (.done, 0), (.failed("a"), 0), (.failed("a"), 0), (.done, 0), (.noService("a"), 0),
    ]
    #expect(
      Self.actions(outcomes, watch: 6000)
        == [6000, 250, 500, 6000, 250].map { .wait(milliseconds: $0) })
    #expect(
      Self.actions(outcomes, watch: 6000, random: 0)
        == [3000, 125, 250, 3000, 125].map { .wait(milliseconds: $0) })
    // Where the service holds the question back, it is asked again soon, but not at once.
    #expect(
      Self.actions([(.following, 0)], watch: 6000, random: 0) == [.wait(milliseconds: 500)])
    #expect(Self.actions([(.following, 0)], watch: 6000) == [.wait(milliseconds: 1000)])
    // In trouble it looks no less often than without.
    let trouble = [(Schedule.Outcome, Int64)](repeating: (.failed("a"), 0), count: 10)
    #expect(Self.actions(trouble, watch: 6000).last == .wait(milliseconds: 6000))
  }

  @Test("without a timeout there is no end, however long it takes")
  func forever() {
    var schedule = Schedule(watchMilliseconds: nil, timeoutMilliseconds: nil, now: 0)
    for day in 0..<10_000 {
      let action = schedule.after(.noService(""), now: Int64(day) * 86_400_000, random: 1)
      guard case .wait = action else { return #expect(Bool(false), "ended on day \(day)") }
    }
  }

  @Test("with a timeout the last try is at its end, and the status says what was wrong")
  func timeout() {
    #expect(
      Self.actions(
        [
          (.noService("a"), 0), (.noService("a"), 250), (.noService("a"), 300), (.failed("a"), 300),
        ],
        timeout: 300)
        == [
          .wait(milliseconds: 250), .wait(milliseconds: 50), .end(.noService), .end(.failed),
        ])
    #expect(Self.actions([(.failed("a"), 0)], timeout: 0) == [.end(.failed)])
  }

  @Test("the console hears something new at once, and the same again rarely")
  func announcer() {
    var announcer = Announcer()
    var told: [Int64] = []
    for second in stride(from: Int64(0), through: 20_000, by: 10) {
      if announcer.mayTell("a", at: second * 1000) { told.append(second) }
    }
    #expect(told == [0, 60, 360, 2160, 5760, 9360, 12_960, 16_560])
    // Two that take turns are not news each time.
    let turns = ["b", "a", "b"].map { announcer.mayTell($0, at: 20_000_000) }
    #expect(turns == [true, false, false])
    announcer.forget()
    let again = announcer.mayTell("a", at: 20_000_000)
    #expect(again)
  }
}

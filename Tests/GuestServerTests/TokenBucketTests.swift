import Testing

@testable import GuestServer

@Suite("Token buckets")
struct TokenBucketTests {
  static let rate = Rate(perSecond: 10, burst: 3)

  @Test("so many at once, then so many a second")
  func burst() {
    var bucket = TokenBucket()
    for _ in 0..<3 {
      #expect(bucket.wait(at: Self.rate, now: 1000) == 0)
      bucket.take(at: Self.rate, now: 1000)
    }
    #expect(bucket.wait(at: Self.rate, now: 1000) == 100)
    #expect(bucket.wait(at: Self.rate, now: 1099) == 1)
    #expect(bucket.wait(at: Self.rate, now: 1100) == 0)
    bucket.take(at: Self.rate, now: 1100)
    #expect(bucket.wait(at: Self.rate, now: 1100) == 100)
  }

  @Test("rest earns no more than a burst, after which the bucket is as new")
  func rest() {
    var bucket = TokenBucket()
    for _ in 0..<3 { bucket.take(at: Self.rate, now: 1000) }
    #expect(!bucket.isFull(now: 1299))
    #expect(bucket.isFull(now: 1300))
    for _ in 0..<3 {
      #expect(bucket.wait(at: Self.rate, now: 90_000) == 0)
      bucket.take(at: Self.rate, now: 90_000)
    }
    #expect(bucket.wait(at: Self.rate, now: 90_000) == 100)
  }

  @Test("what is taken beyond the burst has to be earned first")
  func debt() {
    var bucket = TokenBucket()
    bucket.take(13, at: Self.rate, now: 0)
    #expect(bucket.wait(at: Self.rate, now: 0) == 1100)
    #expect(bucket.wait(at: Self.rate, now: 1100) == 0)
  }

  @Test("without a rate there is no bound, and nothing is remembered")
  func unbounded() {
    var bucket = TokenBucket()
    for _ in 0..<1000 { bucket.take(1_000_000, at: Rate(perSecond: 0, burst: 1), now: 5) }
    #expect(bucket.wait(at: Rate(perSecond: 0, burst: 1), now: 5) == 0)
    #expect(bucket.isFull(now: 0))
  }

  @Test(
    "no number overflows",
    arguments: [0, 1, Int.max], [Rate(perSecond: 1, burst: 1), Rate(perSecond: .max, burst: .max)])
  func extremes(_ number: Int, _ rate: Rate) {
    var bucket = TokenBucket()
    for now in [0, number, -number] {
      _ = bucket.wait(at: rate, now: now)
      bucket.take(number, at: rate, now: now)
      bucket.take(-number, at: rate, now: now)
    }
    #expect(bucket.wait(at: rate, now: 0) >= 0)
  }

  @Test("a part of a rate is a rate")
  func part() {
    #expect(Rate(perSecond: 100, burst: 1024).divided(by: 8) == Rate(perSecond: 12, burst: 128))
    #expect(Rate(perSecond: 3, burst: 3).divided(by: 8) == Rate(perSecond: 1, burst: 1))
    #expect(Rate(perSecond: 0, burst: 8).divided(by: 8).perSecond == 0)
  }
}

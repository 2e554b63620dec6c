import Inventory
import Testing

@testable import SQLiteStore

@Suite("The feed of changes")
struct ChangeFeedTests {
  private func batch(_ revision: Int) -> ChangeBatch {
    ChangeBatch(revision: Revision(revision), changes: [])
  }

  @Test("what is committed while a reader reads the log comes after it, once")
  func waiting() async {
    let feed = ChangeFeed()
    let reader = feed.reserve()
    feed.publish(batch(2))
    feed.publish(batch(3))
    feed.publish(batch(4))
    let stream = feed.open(
      reader, ChangeLog.Replay(reached: 3, batches: [batch(1), batch(2), batch(3)]))
    feed.publish(batch(5))
    feed.finish()
    #expect(await stream.first(.max).map(\.revision) == [1, 2, 3, 4, 5])
  }

  @Test(
    "a reader may lag by the limit; one batch further, its stream ends without a gap",
    arguments: [0, 1])
  func lag(excess: Int) async {
    let feed = ChangeFeed()
    let replay = ChangeLog.Replay(reached: 2, batches: [batch(1), batch(2)])
    let stream = feed.open(feed.reserve(), replay)
    let capacity = 2 + Limits.maximumWatchBacklog
    for revision in 3...(capacity + excess) { feed.publish(batch(revision)) }
    var reader = stream.makeAsyncIterator()
    for revision in 1...capacity {
      #expect(await reader.next()?.revision == Revision(revision))
    }
    feed.publish(batch(capacity + excess + 1))
    feed.finish()
    let next = await reader.next()?.revision
    #expect(next == (excess == 0 ? Revision(capacity + 1) : nil))
  }

  @Test("a store that closes meanwhile gives a stream that has ended")
  func closing() async {
    let feed = ChangeFeed()
    let reader = feed.reserve()
    feed.finish()
    let stream = feed.open(reader, ChangeLog.Replay(reached: 1, batches: [batch(1)]))
    #expect(await stream.first(.max).isEmpty)
  }
}

import Foundation
import Inventory
import SQLiteStore
import Testing

/// Commits that come at once share transactions; nobody may notice.
@Suite("Commits that come at once")
struct GroupCommitTests {
  @Test("each has a revision of its own, and is refused without the others")
  func independent() async throws {
    try await withStore { store in
      let count = 300
      let changes = try await store.changes(after: 1)
      let outcomes = try await withThrowingTaskGroup(of: (Int, Result<Revision, StoreError>).self) {
        group in
        for number in 1...count {
          // Of three, one wants an address that all of its kind want, and one is a dry run.
          let resource =
            try number.isMultiple(of: 3)
            ? instance(number, "10.0.0.1") : instance(number, host: "h\(number)")
          group.addTask {
            do throws(StoreError) {
              let result = try await store.commit(
                [.put(resource, .absent)], now: number, dryRun: number % 3 == 1)
              return (number, .success(result.revision))
            } catch {
              return (number, .failure(error))
            }
          }
        }
        return try await group.reduce(into: [Int: Result<Revision, StoreError>]()) {
          $0[$1.0] = $1.1
        }
      }
      let written = outcomes.compactMap { number, outcome in
        number % 3 == 1 ? nil : (try? outcome.get()).map { (number, $0) }
      }
      let refused = outcomes.values.filter { outcome in
        if case .failure(.claimed) = outcome { true } else { false }
      }
      #expect(written.count == count / 3 + 1)
      #expect(refused.count == count / 3 - 1)
      // Every revision is one commit's, and what it changed is that commit's instance.
      let batches = await changes.first(written.count)
      #expect(batches.map(\.revision) == Array(2...Revision(written.count + 1)))
      for (number, revision) in written {
        let batch = try #require(batches.first { $0.revision == revision })
        guard case .put(let record) = batch.changes.first, batch.changes.count == 1 else {
          Issue.record("\(batch)")
          continue
        }
        #expect(record.resource.id == id(number))
        #expect(record.revision == revision && record.createdAtSeconds == number)
      }
      let snapshot = try await store.load()
      #expect(snapshot.revision == Revision(written.count + 1))
      #expect(
        Set(snapshot.records.map(\.resource.id))
          == Set(written.map { id($0.0) }).union([defaultNetwork]))
    }
  }

  @Test("they are all there after the store has been opened again")
  func durable() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 1...200 {
          group.addTask { try await store.put(try instance(number, "10.0.1.\(number)")) }
        }
        try await group.waitForAll()
      }
      let before = try await store.load()
      store.close()
      let reopened = try directory.open()
      defer { reopened.close() }
      let after = try await reopened.load()
      #expect(after.records == before.records && after.revision == 201)
    }
  }
}

import GRDB
import Inventory
import SQLiteStore
import Testing

@Suite("Keys of session tokens in the store")
struct TokenKeyTests {
  static func key(_ id: UInt64, created: Int = 5) throws -> TokenKey {
    try #require(
      TokenKey(
        id: id, secret: Secret((0..<32).map { UInt8($0) }), createdAtSeconds: created))
  }

  @Test("keys are kept over a restart, and go when they are dropped")
  func keeps() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      let keys = [try Self.key(1), try Self.key(1 << 48 - 1, created: -7)]
      for key in keys { try await store.changeTokenKeys(adding: key, dropping: []) }
      store.close()
      let reopened = try directory.open()
      defer { reopened.close() }
      #expect(Set(try await reopened.tokenKeys()) == Set(keys))
      let next = try Self.key(3)
      try await reopened.changeTokenKeys(adding: next, dropping: [1, 99])
      #expect(Set(try await reopened.tokenKeys()) == [keys[1], next])
      try await reopened.changeTokenKeys(adding: nil, dropping: [3, keys[1].id])
      #expect(try await reopened.tokenKeys().isEmpty)
    }
  }

  @Test("a change of keys is whole or is not, and moves no revision")
  func transaction() async throws {
    try await withStore { store in
      let before = try await store.load().revision
      try await store.changeTokenKeys(adding: try Self.key(1), dropping: [])
      // The id is taken, so neither the one comes nor the other goes.
      try await store.changeTokenKeys(adding: try Self.key(2), dropping: [])
      await #expect(throws: StoreError.self) {
        try await store.changeTokenKeys(adding: try Self.key(2), dropping: [1])
      }
      #expect(Set(try await store.tokenKeys().map(\.id)) == [1, 2])
      #expect(try await store.load().revision == before)
    }
  }

  @Test("a key of the wrong size is a damaged store, not a key")
  func wrongSize() async throws {
    try await withStateDirectory { directory in
      try directory.open().close()
      try directory.execute(
        "INSERT INTO tokenKey (id, secret, createdAtSeconds) VALUES (1, x'00', 5)")
      let store = try directory.open()
      defer { store.close() }
      await #expect(throws: StoreError.self) { try await store.tokenKeys() }
    }
  }
}

import Foundation
import Inventory
import SQLiteStore
import Testing

/// Real databases with a page damaged: either the store is refused, or all that it says is right.
@Suite("A damaged database")
struct DamageTests {
  enum Damage: CaseIterable {
    case zeros, noise, header, half
  }

  @Test("every page, damaged in turn: refused in a sentence, or read as it was written")
  func pages() async throws {
    try await withStateDirectory { directory in
      let expected = try await fill(directory)
      let whole = try Data(contentsOf: URL(fileURLWithPath: directory.database))
      let pageBytes = Int(whole[16]) << 8 | Int(whole[17])
      var refused = 0
      for page in 0..<(whole.count / pageBytes) {
        for damage in Damage.allCases {
          var data = whole
          apply(damage, to: &data, (page * pageBytes)..<((page + 1) * pageBytes))
          if try await outcome(data, directory, expected) == .refused { refused += 1 }
        }
      }
      // Header, schema and every leaf of a table in use; what is not in use may be anything.
      #expect(refused > whole.count / pageBytes * 2, "\(refused) were refused")
    }
  }

  @Test("a file that ends too early, at any page, is refused")
  func truncated() async throws {
    try await withStateDirectory { directory in
      let expected = try await fill(directory)
      let whole = try Data(contentsOf: URL(fileURLWithPath: directory.database))
      for end in stride(from: 512, to: whole.count, by: 4096) {
        #expect(try await outcome(whole.prefix(end), directory, expected) == .refused, "\(end)")
      }
    }
  }

  @Test("a journal that is damaged anywhere gives the last whole commit before it, or is refused")
  func journal() async throws {
    try await withStateDirectory { directory in
      let store = try directory.open()
      var states: [Revision: InventorySnapshot] = [:]
      for number in 1...12 {
        try await store.put(try instance(number, "10.0.0.\(number)"))
        let state = try await store.load()
        states[state.revision] = state
      }
      // As after a kill: the journal has not been written into the database.
      let database = try Data(contentsOf: URL(fileURLWithPath: directory.database))
      let journal = try Data(contentsOf: URL(fileURLWithPath: directory.database + "-wal"))
      store.close()
      try #require(journal.count > 50_000)
      for place in stride(from: 0, to: journal.count, by: 1021) {
        var damaged = journal
        damaged[place] ^= 0xFF
        try database.write(to: URL(fileURLWithPath: directory.database))
        try damaged.write(to: URL(fileURLWithPath: directory.database + "-wal"))
        try? FileManager.default.removeItem(atPath: directory.database + "-shm")
        do {
          let store = try directory.open()
          defer { store.close() }
          let found = try await store.load()
          guard let state = states[found.revision] else {
            #expect(found.records.count == 1, "damaged at \(place)")
            continue
          }
          #expect(found.records == state.records, "damaged at \(place)")
        } catch {
          #expect(!"\(error)".isEmpty)
        }
      }
    }
  }

  // MARK: Parts

  private enum Outcome { case refused, right }

  private func outcome(
    _ data: Data, _ directory: StateDirectory, _ expected: InventorySnapshot
  ) async throws -> Outcome {
    try data.write(to: URL(fileURLWithPath: directory.database))
    do {
      let store = try directory.open()
      defer { store.close() }
      let found = try await store.load()
      #expect(found.revision == expected.revision)
      #expect(found.records == expected.records)
      #expect(found.passwords == expected.passwords)
      return .right
    } catch let error as StoreError {
      guard case .corrupt(let text) = error else {
        Issue.record("\(error)")
        return .refused
      }
      #expect(text.contains("nameplate.sqlite") && text.contains("nameplate backup restore"))
      return .refused
    }
  }

  private func apply(_ damage: Damage, to data: inout Data, _ page: Range<Int>) {
    switch damage {
    case .zeros: data.replaceSubrange(page, with: Data(count: page.count))
    case .noise:
      // Any bytes, the same every time.
      data.replaceSubrange(page, with: page.map { UInt8(truncatingIfNeeded: $0 &* 197 >> 3) })
    case .header: for place in page.prefix(12) { data[place] = ~data[place] }
    case .half:
      let half = page.lowerBound..<(page.lowerBound + page.count / 2)
      data.replaceSubrange(half, with: Data(count: half.count))
    }
  }

  /// Networks, keys and instances, one with user data that takes many pages; and a backup of them.
  private func fill(_ directory: StateDirectory) async throws -> InventorySnapshot {
    let store = try directory.open()
    defer { store.close() }
    try await store.put(try network("blue", mtu: 1400), try keyPair("k"))
    for number in 1...12 {
      try await store.put(
        try instance(number, name: "n\(number)", "10.0.0.\(number)", network: "blue", keys: ["k"]))
    }
    try await store.run(.setPassword(try instanceID(1), Secret([0, 1])))
    let big = String(repeating: "0123456789", count: 3000)
    guard
      let resource = try? Resource(
        reading: [
          "kind": "Instance", "id": .string(uuid(99)), "hostname": "big", "userData": .string(big),
        ])
    else { throw CocoaError(.coderInvalidValue) }
    try await store.put(resource)
    _ = try await StoreBackups(stateDirectory: directory.path).make(of: store)
    return try await store.load()
  }
}

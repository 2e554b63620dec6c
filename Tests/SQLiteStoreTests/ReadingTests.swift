import Foundation
import Inventory
import SQLiteStore
import Synchronization
import Testing

@Suite("Reading a store")
struct ReadingTests {
  @Test("an address's excerpt has who has it, with all that its documents follow from")
  func excerpt() async throws {
    try await withStore { store in
      let project = try Resource(reading: [
        "kind": "Project", "id": "p", "metadataOptions": ["httpTokens": "required"],
      ])
      let key = try Resource(reading: [
        "kind": "KeyPair", "project": "p", "name": "k", "publicKey": "ssh-rsa AAAA",
      ])
      let mine = try Resource(reading: [
        "kind": "Instance", "id": .string(uuid(1)), "hostname": "mine", "project": "p",
        "keys": ["k"],
        "interfaces": [
          ["network": "blue", "mac": "fa:16:3e:9c:bf:3d", "address": "10.0.0.5"],
          ["network": "red", "address": "2001:db8::5"],
        ],
      ])
      try await store.put(
        try network("blue", mtu: 1400), try network("red", mtu: 1500), project, key, mine,
        try instance(2, "10.0.0.5", network: "red"), try instance(3, "10.0.0.6", network: "blue"))
      try await store.run(.setPassword(try instanceID(1), Secret([1])))
      let whole = Catalog(try await store.load())
      for (text, place) in [
        ("10.0.0.5", "blue"), ("10.0.0.5", "red"), ("10.0.0.5", nil), ("2001:db8::5", "red"),
        ("2001:db8::5", nil), ("fe80::f816:3eff:fe9c:bf3d", "blue"),
        ("fe80::f816:3eff:fe9c:bf3d", "red"), ("10.0.0.6", nil), ("10.0.0.7", "blue"),
        ("10.0.0.5", "green"), ("10.0.0.7", nil),
      ] {
        let address = try #require(IPAddress(text))
        let network = place.flatMap { NetworkID($0) }
        let excerpt = try await store.excerpt(for: address, on: network)
        #expect(excerpt.records.count < 7)
        #expect(
          Self.text(Catalog(excerpt).find(address, on: network))
            == Self.text(whole.find(address, on: network)), "\(text) on \(place ?? "any")")
      }
    }
  }

  /// All that is in a match.
  private static func text(_ match: Catalog.Finding) -> String {
    guard case .instance(let view) = match else { return "\(match)" }
    return """
      \(view.instance.unpacked) \(view.revision) \(view.createdAtSeconds) \(view.ec2InstanceID) \
      \(view.connections.map(\.network)) \(view.keys) \(view.password?.revealed ?? []) \
      \(view.metadataOptions)
      """
  }

  @Test("all parts together are one revision's, whoever writes meanwhile")
  func revision() async throws {
    try await withStore { store in
      // Far apart, so that they are in different parts.
      let ends = [1, 5000]
      _ = try await store.commit(
        try (1...5000).map { .put(try instance($0, host: "v0")) }, now: 1, dryRun: false)
      let flag = Flag()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          var turn = 0
          while !flag.isOver.load(ordering: .relaxed) {
            turn += 1
            _ = try await store.commit(
              try ends.map { .put(try instance($0, host: "v\(turn)")) }, now: 1, dryRun: false)
          }
        }
        for _ in 0..<5 {
          let snapshot = try await store.load()
          #expect(snapshot.records.count == 5001)
          let changed = snapshot.records.filter { record in
            ends.contains { record.resource.id == id($0) }
          }
          let names = changed.compactMap(\.resource.instance?.hostname)
          #expect(Set(names).count == 1 && names.count == 2, "\(names)")
          #expect(changed.allSatisfy { $0.revision == snapshot.revision } || snapshot.revision == 2)
        }
        flag.isOver.store(true, ordering: .relaxed)
        try await group.waitForAll()
      }
    }
  }

  private final class Flag: Sendable {
    let isOver = Atomic(false)
  }

  @Test("who gives up reading is told, and the store goes on")
  func givenUp() async throws {
    try await withStore { store in
      _ = try await store.commit(
        try (1...3000).map { .put(try instance($0)) }, now: 1, dryRun: false)
      let reading = Task { () -> StoreError? in
        unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        do throws(StoreError) {
          _ = try await store.read { _ in }
          return nil
        } catch {
          return error
        }
      }
      guard case .unavailable = await reading.value else {
        Issue.record("It was read to its end.")
        return
      }
      #expect(try await store.load().records.count == 3001)
    }
  }
}

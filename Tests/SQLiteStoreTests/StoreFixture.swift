import Foundation
import GRDB
import Inventory
import SQLiteStore

/// A state directory of a test's own, removed with all its files when the test is over.
struct StateDirectory {
  let path: String
  var database: String { path + "/nameplate.sqlite" }

  func open(now: Int = 1000) throws -> SQLiteStore {
    try SQLiteStore(directory: path, now: now)
  }

  /// Opens it as one that is too large to be checked at once.
  func openUnchecked() throws -> SQLiteStore {
    try SQLiteStore(directory: path, now: 1000, checkedAtOnceBytes: 0)
  }

  /// Runs SQL behind the store's back; the store must be closed.
  func execute(_ sql: String) throws {
    let queue = try DatabaseQueue(path: database)
    try queue.writeWithoutTransaction { db in try db.execute(sql: sql) }
    try queue.close()
  }

  /// Overwrites an index; as a rule one that no record is read or written with.
  func damageIndex(_ name: String = "sqlite_autoindex_access_2") throws {
    let queue = try DatabaseQueue(path: database)
    let (page, size) = try queue.read { db in
      (
        try Int.fetchOne(
          db, sql: "SELECT rootpage FROM sqlite_master WHERE name = ?", arguments: [name]),
        try Int.fetchOne(db, sql: "PRAGMA page_size")
      )
    }
    try queue.close()
    guard let page, let size, var data = bytes else { throw CocoaError(.coderValueNotFound) }
    let place = (page - 1) * size
    data.replaceSubrange(place..<(place + size), with: Data(count: size))
    try data.write(to: URL(fileURLWithPath: database))
  }

  var bytes: Data? { FileManager.default.contents(atPath: database) }
}

func withStateDirectory<Result>(_ body: (StateDirectory) async throws -> Result) async throws
  -> Result
{
  let path = FileManager.default.temporaryDirectory.path + "/nameplate-\(UUID().uuidString)"
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try await body(StateDirectory(path: path))
}

func withStore<Result>(_ body: (SQLiteStore) async throws -> Result) async throws -> Result {
  try await withStateDirectory { directory in
    let store = try directory.open()
    defer { store.close() }
    return try await body(store)
  }
}

/// A test's own commit.
let testContext = WriteContext(Author(.daemon, "test"), "test")

extension SQLiteStore {
  func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    try await commit(mutations, by: testContext, now: now, dryRun: dryRun)
  }

  @discardableResult
  func put(_ resources: Resource...) async throws -> CommitResult {
    try await commit(resources.map { .put($0) }, now: 2000, dryRun: false)
  }

  @discardableResult
  func run(_ mutations: Mutation..., now: Int = 2000) async throws -> CommitResult {
    try await commit(mutations, now: now, dryRun: false)
  }

  func record(_ id: ResourceID) async throws -> Record? {
    try await load().records.first { $0.resource.id == id }
  }

  /// What a commit is refused with; nil where it is not.
  func refusal(of mutations: Mutation...) async throws -> StoreError? {
    do {
      _ = try await commit(mutations, now: 2000, dryRun: false)
      return nil
    } catch {
      return error
    }
  }
}

typealias Record = Inventory.Record

// MARK: Resources

func uuid(_ number: Int, prefix: Int = 0) -> String {
  let digits = String(number, radix: 16)
  let head = String(prefix, radix: 16)
  return String(repeating: "0", count: 8 - head.count) + head + "-0000-4000-8000-0000"
    + String(repeating: "0", count: 8 - digits.count) + digits
}

func instanceID(_ number: Int) throws -> InstanceID {
  guard let id = InstanceID(uuid(number)) else { throw CocoaError(.coderInvalidValue) }
  return id
}

func id(_ number: Int) -> ResourceID { ResourceID(kind: .instance, text: uuid(number)) }
let defaultNetwork = ResourceID(kind: .network, text: "default")

func instance(
  _ number: Int, prefix: Int = 0, name: String? = nil, host: String = "web", _ addresses: String...,
  network: String = "default", keys: [String] = [], ec2: String? = nil
) throws -> Resource {
  var interface: JSONValue = .null
  if !addresses.isEmpty {
    interface = [
      "network": .string(network),
      "addresses": .array(addresses.map { ["ip": .string($0)] }),
    ]
  }
  return try Resource(reading: [
    "kind": "Instance", "id": .string(uuid(number, prefix: prefix)), "hostname": .string(host),
    "name": JSONValue(name), "keys": .array(keys.map { .string($0) }),
    "ec2": ec2.map { ["instanceId": .string($0)] } ?? .null,
    "interfaces": interface == .null ? .null : [interface],
  ])
}

func network(_ id: String, mtu: Int? = nil) throws -> Resource {
  try Resource(reading: [
    "kind": "Network", "id": .string(id), "mtu": mtu.map { JSONValue($0) } ?? .null,
  ])
}

func keyPair(_ name: String, key: String = "ssh-ed25519 AAAA") throws -> Resource {
  try Resource(reading: ["kind": "KeyPair", "name": .string(name), "publicKey": .string(key)])
}

extension Resource {
  /// The claim of a space; the tests' resources have one each.
  func claim(_ space: Claim.Space) throws -> Claim {
    guard let claim = claims.first(where: { $0.space == space }) else {
      throw CocoaError(.coderValueNotFound)
    }
    return claim
  }
}

extension AsyncStream<ChangeBatch> {
  /// The next batches, as many as are asked for or as there are before the stream ends.
  func first(_ count: Int) async -> [ChangeBatch] {
    var batches: [ChangeBatch] = []
    for await batch in self {
      batches.append(batch)
      if batches.count == count { break }
    }
    return batches
  }
}

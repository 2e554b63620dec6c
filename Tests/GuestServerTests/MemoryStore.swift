import Inventory
import MetadataService
import Synchronization

/// A store that keeps what it is given in memory and has the catalogue know it at once.
final class MemoryStore: InventoryStore, TokenKeyStore {
  private let catalog: LiveCatalog
  private let state = Mutex((revision: Revision(0), passwords: Set<InstanceID>()))

  init(catalog: LiveCatalog) { self.catalog = catalog }

  private let keys = Mutex<[TokenKey]>([])

  func tokenKeys() async throws(StoreError) -> [TokenKey] { keys.withLock { $0 } }

  func changeTokenKeys(adding key: TokenKey?, dropping ids: [UInt64])
    async throws(StoreError)
  {
    keys.withLock { keys in
      keys.removeAll { ids.contains($0.id) }
      if let key { keys.append(key) }
    }
  }

  func load() async throws(StoreError) -> InventorySnapshot {
    InventorySnapshot(revision: state.withLock { $0.revision }, records: [])
  }

  func commit(_ mutations: [Mutation], now: Int, dryRun: Bool) async throws(StoreError)
    -> CommitResult
  {
    var changes: [Change] = []
    let revision = state.withLock { state in
      state.revision += 1
      return state.revision
    }
    for mutation in mutations {
      switch mutation {
      case .put(let resource, _):
        changes.append(
          .put(Record(resource: resource, revision: revision, createdAtSeconds: now)))
      case .delete(let id, _): changes.append(.deleted(id))
      case .setPassword(let id, let password):
        guard state.withLock({ $0.passwords.insert(id).inserted }) else {
          throw .passwordAlreadySet(id)
        }
        changes.append(.password(id, password))
      case .clearPassword(let id):
        state.withLock { _ = $0.passwords.remove(id) }
        changes.append(.password(id, nil))
      }
    }
    catalog.apply(ChangeBatch(revision: revision, changes: changes))
    return CommitResult(revision: revision, outcomes: [])
  }

  func changes(after revision: Revision) async throws(StoreError) -> AsyncStream<ChangeBatch> {
    AsyncStream { $0.finish() }
  }

  /// Takes an instance away that `declare` declared.
  func remove(_ number: Int) async throws {
    guard let id = InstanceID("00000000-0000-4000-8000-00000000000\(number)") else { return }
    _ = try await commit(
      [.delete(ResourceID(kind: .instance, text: id.description))], now: 0, dryRun: false)
  }

  /// Declares an instance with one address, on the network `default` or another.
  func declare(_ number: Int, address: String, network: String? = nil, userData: String? = nil)
    async throws
  {
    let id = "00000000-0000-4000-8000-00000000000\(number)"
    let member = { (name: String, value: String?) in
      value.map { ", \"\(name)\": \"\($0)\"" } ?? ""
    }
    let json = """
      {"kind": "Instance", "id": "\(id)", "hostname": "h\(number)"\(member("userData", userData)),
       "interfaces": [{"address": "\(address)"\(member("network", network))}]}
      """
    let resource = try Resource(reading: try JSONValue(parsing: json))
    _ = try await commit([.put(resource)], now: 0, dryRun: false)
  }
}

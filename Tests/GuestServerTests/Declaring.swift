import Inventory
import TestKit

extension MemoryStore {
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

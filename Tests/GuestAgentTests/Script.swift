import TestKit

/// What a good service says.
enum Script {
  static let uuid = "11111111-2222-4333-8444-555555555555"

  static func metaData(keys: [String], hostname: String = "web-1.novalocal") -> String {
    let entries = keys.enumerated().map { index, key in
      "{\"name\": \"k\(index)\", \"type\": \"ssh\", \"data\": \"\(key)\\n\"}"
    }
    return """
      {"uuid": "\(uuid)", "hostname": "\(hostname)", "keys": [\(entries.joined(separator: ", "))]}
      """
  }

  /// Nova's documents, without session tokens.
  static func openStack(keys: [String], userData: String? = nil)
    -> @Sendable (
      ScriptedService.Request
    ) -> ScriptedService.Reply
  {
    let document = metaData(keys: keys)
    return { request in
      switch (request.method, request.path) {
      case ("GET", "/openstack/latest/meta_data.json"): .answer(200, document)
      case ("GET", "/openstack/latest/user_data"):
        userData.map { .answer(200, $0) } ?? .answer(404, "")
      default: .answer(404, "")
      }
    }
  }
}

import AsyncHTTPClient
public import ControlAPI
public import Inventory
import NIOCore
import NIOHTTP1

extension ControlClient {
  /// All accesses as they are shown, without what proves them.
  public func access() async throws(ControlClientError) -> [JSONValue] {
    try await items("/v1/access") { $0 }
  }

  /// Gives access. The answer has the token, which is shown this once.
  public func createAccess(_ request: AccessRequest) async throws(ControlClientError) -> JSONValue {
    let answer = try await transport.send(
      .POST, "/v1/access", headers: ControlClient.jsonHeaders, body: .bytes(request.form.bytes))
    return try await transport.json(answer)
  }

  public func revokeAccess(_ name: String) async throws(ControlClientError) {
    _ = try await transport.send(.DELETE, "/v1/access/\(PercentCoding.encode(name))")
  }

  /// Lines of the audit log.
  public func audit(_ query: AuditQuery) async throws(ControlClientError) -> [AuditEntry] {
    try await items("/v1/audit?\(query.text)", AuditEntry.init(form:))
  }
}

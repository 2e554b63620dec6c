public import ControlAPI
import Inventory
import NIOHTTP1

extension ControlClient {
  /// All metrics, in Prometheus' text form.
  public func metrics() async throws(ControlClientError) -> String {
    let answer = try await transport.send(.GET, "/metrics")
    return String(decoding: try await transport.bytes(answer), as: UTF8.self)
  }

  /// What guests ask, and how fast they are answered: counts since the daemon's start.
  public func load() async throws(ControlClientError) -> LoadForm {
    let value = try await transport.json(try await transport.send(.GET, "/v1/top"))
    guard let load = LoadForm(form: value) else { throw .broken("the load cannot be read") }
    return load
  }
}

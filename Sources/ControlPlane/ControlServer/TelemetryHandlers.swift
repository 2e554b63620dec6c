import ControlAPI
import Hummingbird
import Inventory
import Telemetry

/// What is measured, for programs and for `nameplate top`.
struct TelemetryHandlers: Sendable {
  let telemetry: ControlTelemetry

  func metrics(_ request: ControlRequest) async throws(Problem) -> Response {
    _ = try request.query(allowing: [])
    let text = PrometheusText.write(await telemetry.families())
    return .bytes(Array(text.utf8), type: PrometheusText.mediaType)
  }

  func counters() async -> Response {
    let counts = CounterNames.counts(of: await telemetry.families()).sorted { $0.key < $1.key }
    return .json(.object(counts.map { ($0.key, JSONValue(revision: $0.value)) }))
  }

  func top(_ request: ControlRequest) async throws(Problem) -> Response {
    _ = try request.query(allowing: [])
    return .json(await telemetry.load().form)
  }
}

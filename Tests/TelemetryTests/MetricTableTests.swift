import Foundation
import Telemetry
import Testing

@Suite("docs/metrics.md")
struct MetricTableTests {
  private static func page() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/metrics.md"), encoding: .utf8)
  }

  @Test("the page has every metric as the table of the program has it, and no other")
  func rows() throws {
    let rows = try Self.page().split(separator: "\n").filter {
      $0.hasPrefix("| `nameplate_") || $0.hasPrefix("| `process_")
    }
    let wanted = Metric.allCases.map { metric in
      let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
      return
        "| `\(metric.rawValue)` | \(metric.kind.rawValue) |\(labels.isEmpty ? "" : " \(labels)") | "
        + "\(metric.help) |"
    }
    #expect(rows.map(String.init) == wanted)
  }

  @Test("the alerts ask for metrics that there are")
  func alerts() throws {
    let page = try Self.page()
    let alerts = try #require(page.split(separator: "## Alerts worth having").last)
    let names = alerts.matches(of: #/\b(nameplate|process)_[a-z_]+/#).map { String($0.output.0) }
    #expect(names.count > 8)
    for name in names {
      #expect(
        Metric(rawValue: name.replacing(#/_(bucket|sum|count)$/#, with: "")) != nil, "\(name)")
    }
  }
}

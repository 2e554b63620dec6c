import CoreMetrics
import Telemetry
import TestKit
import Testing

@Suite("Prometheus' text form")
struct PrometheusTextTests {
  @Test("every metric is written so that a strict reader takes it", arguments: Metric.allCases)
  func metrics(_ metric: Metric) throws {
    var latencies = Latencies()
    latencies.record(nanoseconds: 40_000)
    latencies.record(nanoseconds: 3_000_000_000)
    let value: MetricFamily.Value =
      metric.kind == .histogram ? .latencies(latencies) : .count(7)
    let family = MetricFamily(metric, [(labels: metric.labels.map { _ in "a" }, value: value)])
    let read = try Exposition(parsing: PrometheusText.write([family]))
    let labels = Dictionary(uniqueKeysWithValues: metric.labels.map { ($0, "a") })
    #expect(read.kinds == [metric.rawValue: metric.kind.rawValue])
    #expect(read.helps[metric.rawValue] == metric.help)
    #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n"))
    if metric.kind == .histogram {
      #expect(read["\(metric.rawValue)_count"] == 2)
      #expect(read["\(metric.rawValue)_sum"] == 3.00004)
      let bucket = { (bound: String) in read["\(metric.rawValue)_bucket", ["le": bound]] }
      #expect(bucket("0.000025") == 0 && bucket("0.00005") == 1 && bucket("2.5") == 1)
      #expect(bucket("5") == 2)
    } else {
      #expect(read[metric.rawValue, labels] == 7)
    }
  }

  @Test(
    "a label's value is read as it was written, whatever it holds",
    arguments: [
      "", "a\"b", "a\\", "a\nb", "\\n", "\"} 1\nnameplate_ready 1\n# HELP x", "ä\u{1F600}\u{0}",
      "a,b=\"c\"",
      "\r\n", "e\u{301}\"",
    ])
  func labels(_ text: String) throws {
    let registry = MetricsRegistry()
    Counter(label: "x", dimensions: [("a", text), ("b", "c")], factory: registry).increment()
    let written = PrometheusText.write(registry.families)
    // HELP, TYPE and one sample.
    #expect(written.utf8.count { $0 == 0x0A } == 3)
    let read = try Exposition(parsing: written)
    let labels = read.values.keys.map(\.labels)
    #expect(labels.count == 1)
    #expect(labels.first?["a"].map { Array($0.utf8) } == Array(text.utf8))
  }

  @Test(
    "a library's names are put into the form",
    arguments: [
      ("http.server.active_requests", "http_server_active_requests"), ("9-lives", "_9_lives"),
      ("", "_"), ("a b\n# TYPE", "a_b___TYPE"), ("ä", "__"),
    ])
  func names(_ label: String, _ name: String) throws {
    let registry = MetricsRegistry()
    Meter(label: label, dimensions: [(label, "v"), ("le", "w")], factory: registry).set(2)
    Counter(label: "\(label)c", factory: registry).increment(by: 3)
    Timer(label: "\(label)t", factory: registry).recordNanoseconds(1_000_000)
    Recorder(label: "\(label)r", factory: registry).record(0.5)
    let read = try Exposition(parsing: PrometheusText.write(registry.families))
    #expect(read.kinds[name] == "gauge")
    #expect(read.sum(of: name) == 2)
    #expect(read.values.values.contains(3))
    #expect(read.kinds.values.sorted() == ["counter", "gauge", "histogram", "summary"])
  }

  @Test("a name has one kind, a series one cell, and there are so many and no more")
  func bounds() throws {
    let registry = MetricsRegistry()
    Counter(label: "a_total", factory: registry).increment()
    Counter(label: "a", factory: registry).increment()
    Meter(label: "a_total", factory: registry).set(100)
    #expect(CounterNames.counts(of: registry.families).isEmpty)
    #expect(try Exposition(parsing: PrometheusText.write(registry.families))["a_total"] == 2)
    for number in 0..<3000 {
      Counter(label: "b", dimensions: [("n", "\(number)")], factory: registry).increment()
    }
    #expect(registry.families.reduce(0) { $0 + $1.samples.count } == 2000)
  }

  @Test(
    "what is not the form is refused by the reader that these tests go by",
    arguments: [
      "nameplate_ready 1\n", "# HELP a x\n# TYPE a gauge\na 1",
      "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
      "# HELP a x\n# TYPE a counter\na 1\n", "# HELP a x\n# TYPE a gauge\na{b=\"c} 1\n",
      "# HELP a x\n# TYPE a gauge\na{b=\"\\x\"} 1\n", "# HELP a x\n# TYPE a gauge\na one\n",
      "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
      "# HELP a x\n# TYPE a gauge\n",
    ])
  func reader(_ text: String) {
    #expect(throws: Exposition.Fault.self) { try Exposition(parsing: text) }
  }
}

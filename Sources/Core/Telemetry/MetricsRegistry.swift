public import CoreMetrics
import Inventory
import Synchronization

/// Keeps what is measured through swift-metrics, by us and by libraries, until somebody reads it.
///
/// A library's names and labels are put into Prometheus' form; they come from its code, and their number
/// is bounded all the same.
public final class MetricsRegistry: MetricsFactory {
  private struct Family {
    var kind: Metric.Kind
    var series: [(labels: [(name: String, value: String)], cell: any MetricCell)] = []
  }

  private struct State {
    var families: [String: Family] = [:]
    var series = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// What has been measured, by name.
  public var families: [MetricFamily] {
    let families = state.withLock { $0.families }
    return families.sorted { $0.key < $1.key }.map { name, family in
      MetricFamily(
        name: name, kind: family.kind, help: Metric(rawValue: name)?.help ?? "Of a library.",
        samples: family.series.map { MetricFamily.Sample(labels: $0.labels, value: $0.cell.value) })
    }
  }

  /// The cell of a series, made where there is none.
  /// - Returns: One that nobody reads, where there are too many or the name has another kind.
  private func cell<Cell: MetricCell>(
    _ label: String, _ kind: Metric.Kind, _ suffix: String, _ dimensions: [(String, String)],
    _ make: () -> Cell
  ) -> Cell {
    let name = MetricName.family(label, suffix)
    let labels = dimensions.map { (name: MetricName.label($0.0), value: $0.1) }
    return state.withLock { state in
      var family = state.families[name] ?? Family(kind: kind)
      let known = family.series.first { $0.labels.elementsEqual(labels, by: ==) }
      guard family.kind == kind else { return make() }
      if let known { return known.cell as? Cell ?? make() }
      guard state.series < Limits.maximumMetricSeries else { return make() }
      let cell = make()
      family.series.append((labels, cell))
      state.families[name] = family
      state.series += 1
      return cell
    }
  }

  // MARK: MetricsFactory

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cell(label, .counter, "_total", dimensions, CounterCell.init)
  }

  public func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
    -> any FloatingPointCounterHandler
  {
    cell(label, .counter, "_total", dimensions) { NumberCell() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cell(label, .gauge, "", dimensions) { NumberCell() }
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool)
    -> any RecorderHandler
  {
    guard aggregate else { return cell(label, .gauge, "", dimensions) { NumberCell() } }
    return cell(label, .summary, "", dimensions, SummaryCell.init)
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cell(label, .histogram, "_seconds", dimensions, TimerCell.init)
  }

  // What was counted stays: a counter must not begin anew.
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  public func destroyMeter(_ handler: any MeterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}
}

/// A library's names in Prometheus' form.
enum MetricName {
  /// - Parameter suffix: What the names of its kind end in.
  static func family(_ label: String, _ suffix: String) -> String {
    let name = written(label, allowing: UInt8(ascii: ":"))
    return name.hasSuffix(suffix) ? name : name + suffix
  }

  static func label(_ text: String) -> String {
    // Two underscores at the start are Prometheus' own, as are the names of buckets and quantiles.
    let name = written(text, allowing: UInt8(ascii: "_"))
    return name.hasPrefix("__") || ["le", "quantile"].contains(name) ? "label_" + name : name
  }

  private static func written(_ text: String, allowing other: UInt8) -> String {
    let bytes = text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), other:
        byte
      default: UInt8(ascii: "_")
      }
    }
    let isNumber = bytes.first.map { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? true
    return (isNumber ? "_" : "") + String(decoding: bytes, as: UTF8.self)
  }
}

import ControlAPI
import Inventory
import Telemetry

/// What guests asked in an interval, as a person reads it.
struct LoadText {
  private let seen: LoadInterval

  init(_ seen: LoadInterval) { self.seen = seen }

  /// The most reasons that are shown: guests have the room that is left.
  private static let maximumReasons = 8

  func lines(maximumGuests: Int) -> [FullScreen.Line] {
    var lines = summary.map { FullScreen.Line(text: $0) }
    if !seen.refusals.isEmpty {
      var table = Table("REFUSED", "PER SECOND", "SINCE START")
      for refusals in seen.refusals.prefix(LoadText.maximumReasons) {
        table.add(refusals.reason, LoadText.rate(seen.rate(refusals.count)), "\(refusals.total)")
      }
      lines += LoadText.lines(table)
    }
    if !seen.guests.isEmpty {
      var table = Table("GUEST", "NETWORK", "INSTANCE", "REQUESTS/S", "REFUSED/S", "BYTES/S")
      for guest in seen.guests.prefix(maximumGuests) {
        table.add(
          guest.address.description, guest.network?.text ?? "any",
          guest.hostname ?? guest.instance?.description ?? "-",
          LoadText.rate(seen.rate(guest.requests)), LoadText.rate(seen.rate(guest.refused)),
          LoadText.bytes(seen.rate(guest.sentBytes)))
      }
      lines += LoadText.lines(table)
    }
    return lines
  }

  private static func lines(_ table: Table) -> [FullScreen.Line] {
    [FullScreen.Line(text: "")]
      + table.lines.enumerated().map { FullScreen.Line(text: $1, isHead: $0 == 0) }
  }

  private var summary: [String] {
    let load = seen.load
    return [
      "the last \(LoadText.rate(seen.seconds)) s; up \(LoadText.uptime(load[.uptimeSeconds])), "
        + "instances \(load[.instances]), revision \(load[.revision])",
      "requests     \(LoadText.rate(seen.rate(seen.requests)))/s   "
        + sums(\.dialect).map { "\($0.0) \(LoadText.rate($0.1))" }.joined(separator: "  ")
        + "   " + sums(\.status).map { "\($0.0) \(LoadText.rate($0.1))" }.joined(separator: "  "),
      "latency      \(LoadText.spread(seen.latencies))",
      "waited       \(LoadText.spread(seen.waits))   \(load[.waitingRequests]) waiting now",
      "connections  \(load[.connections]) open   "
        + "\(LoadText.rate(seen.rate(seen.connectionsAccepted)))/s new   "
        + "\(LoadText.bytes(Double(load[.heldBytes]))) held",
      "bytes        \(LoadText.bytes(seen.rate(seen.receivedBytes)))/s in   "
        + "\(LoadText.bytes(seen.rate(seen.sentBytes)))/s out",
    ]
  }

  /// Answers per second, by what they have in common, in the order in which they come.
  private func sums(_ name: (LoadForm.Answers) -> String) -> [(String, Double)] {
    var sums: [(String, Int)] = []
    for answers in seen.answers {
      if let index = sums.firstIndex(where: { $0.0 == name(answers) }) {
        sums[index].1 += answers.count
      } else {
        sums.append((name(answers), answers.count))
      }
    }
    return sums.map { ($0.0, seen.rate($0.1)) }
  }

  // MARK: Numbers

  private static func spread(_ steps: [Latencies.Step]) -> String {
    [("p50", 50), ("p99", 99), ("p99.9", 99.9), ("max", 100)].map { name, percent in
      "\(name) \(steps.nanoseconds(atPercentile: percent).map(duration) ?? "-")"
    }.joined(separator: "  ")
  }

  private static func duration(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1_000_000: "\((nanoseconds + 500) / 1000) µs"
    case ..<1_000_000_000: "\(rate(Double(nanoseconds) / 1_000_000)) ms"
    default: "\(rate(Double(nanoseconds) / 1_000_000_000)) s"
    }
  }

  /// Whole, or with one digit where it is small.
  private static func rate(_ number: Double) -> String {
    guard number < 1000, number.isFinite else { return "\(Int(clamping: Int64(number.rounded())))" }
    let tenths = Int((number * 10).rounded())
    return number >= 100 || tenths % 10 == 0
      ? "\((tenths + 5) / 10)" : "\(tenths / 10).\(tenths % 10)"
  }

  private static func bytes(_ number: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB"]
    var (number, index) = (number, 0)
    while number >= 1024, index + 1 < units.count {
      number /= 1024
      index += 1
    }
    return "\(rate(number)) \(units[index])"
  }

  private static func uptime(_ seconds: Int) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60)
    if days > 0 { return "\(days) d \(hours) h" }
    return hours > 0 ? "\(hours) h \(minutes) min" : "\(minutes) min \(seconds % 60) s"
  }
}

public import Inventory
public import Telemetry

/// What guests asked between two loads, or since the daemon's start.
public struct LoadInterval: Sendable {
  /// What counts so often.
  public struct Refusals: Sendable, Hashable {
    public var reason: String
    public var count: Int
    /// Since the daemon's start.
    public var total: Int
  }

  /// As it is at the end.
  public let load: LoadForm
  public let seconds: Double
  public let answers: [LoadForm.Answers]
  public let connectionsAccepted: Int
  public let receivedBytes: Int
  public let sentBytes: Int
  public let latencies: [Latencies.Step]
  public let waits: [Latencies.Step]
  /// The most frequent first, and those that did not happen between last.
  public let refusals: [Refusals]
  /// Those that asked, the busiest first.
  public let guests: [LoadForm.Guest]

  /// - Parameter earlier: Nil to begin at the daemon's start, which is also where it begins when the
  ///   daemon was started anew between.
  public init(from earlier: LoadForm?, to load: LoadForm) {
    let isSameDaemon = earlier.map { earlier in
      earlier[.atMilliseconds] < load[.atMilliseconds]
        && earlier[.uptimeSeconds] <= load[.uptimeSeconds]
        && earlier[.connectionsAccepted] <= load[.connectionsAccepted]
    }
    let earlier = isSameDaemon == true ? earlier : nil
    self.load = load
    seconds =
      earlier.map { Double(load[.atMilliseconds] - $0[.atMilliseconds]) / 1000 }
      ?? Double(max(1, load[.uptimeSeconds]))
    let growth = { (number: LoadForm.Number) in max(0, load[number] - (earlier?[number] ?? 0)) }
    connectionsAccepted = growth(.connectionsAccepted)
    receivedBytes = growth(.receivedBytes)
    sentBytes = growth(.sentBytes)
    latencies = load.latencies.since(earlier?.latencies ?? [])
    waits = load.waits.since(earlier?.waits ?? [])
    answers = LoadInterval.answers(load, earlier)
    refusals = LoadInterval.refusals(load, earlier)
    guests = LoadInterval.guests(load, earlier)
  }

  public var requests: Int { answers.reduce(0) { $0 + $1.count } }

  /// How often something happened each second.
  public func rate(_ count: Int) -> Double { Double(count) / max(seconds, 0.001) }

  // MARK: What came between

  private static func answers(_ load: LoadForm, _ earlier: LoadForm?) -> [LoadForm.Answers] {
    load.answers.map { now in
      let before = earlier?.answers.first { ($0.dialect, $0.status) == (now.dialect, now.status) }
      var answers = now
      answers.count = max(0, now.count - (before?.count ?? 0))
      return answers
    }
  }

  private static func refusals(_ load: LoadForm, _ earlier: LoadForm?) -> [Refusals] {
    load.refusals.map { reason, total in
      Refusals(
        reason: reason, count: max(0, total - (earlier?.refusals[reason] ?? 0)), total: total)
    }.sorted { ($1.count, $1.total, $0.reason) < ($0.count, $0.total, $1.reason) }
  }

  private static func guests(_ load: LoadForm, _ earlier: LoadForm?) -> [LoadForm.Guest] {
    struct Key: Hashable {
      let address: IPAddress
      let network: NetworkID?
    }
    let before = Dictionary(
      (earlier?.guests ?? []).map { (Key(address: $0.address, network: $0.network), $0) }
    ) { first, _ in first }
    return load.guests.compactMap { now -> LoadForm.Guest? in
      var guest = now
      // Whoever has been out of the table meanwhile is counted anew.
      if let before = before[Key(address: now.address, network: now.network)],
        before.requests <= now.requests
      {
        guest.requests -= before.requests
        guest.refused = max(0, guest.refused - before.refused)
        guest.sentBytes = max(0, guest.sentBytes - before.sentBytes)
      }
      return guest.requests > 0 ? guest : nil
    }.sorted { ($1.requests, $1.sentBytes) < ($0.requests, $0.sentBytes) }
  }
}

// MARK: As JSON

extension LoadInterval {
  public var form: JSONValue {
    .object([
      ("intervalSeconds", rounded(seconds)),
      ("uptimeSeconds", JSONValue(load[.uptimeSeconds])),
      ("revision", JSONValue(load[.revision])), ("instances", JSONValue(load[.instances])),
      ("requests", JSONValue(requests)), ("requestsPerSecond", rounded(rate(requests))),
      (
        "answers",
        .array(
          answers.map { answers in
            [
              "dialect": .string(answers.dialect), "status": .string(answers.status),
              "count": JSONValue(answers.count), "perSecond": rounded(rate(answers.count)),
            ]
          })
      ),
      ("latencyMicroseconds", LoadInterval.spread(latencies)),
      ("waitMicroseconds", LoadInterval.spread(waits)),
      ("connections", JSONValue(load[.connections])),
      ("connectionsPerSecond", rounded(rate(connectionsAccepted))),
      ("waitingRequests", JSONValue(load[.waitingRequests])),
      ("heldBytes", JSONValue(load[.heldBytes])),
      ("receivedBytesPerSecond", rounded(rate(receivedBytes))),
      ("sentBytesPerSecond", rounded(rate(sentBytes))),
      (
        "refusals",
        .array(
          refusals.map { refusals in
            [
              "reason": .string(refusals.reason), "count": JSONValue(refusals.count),
              "perSecond": rounded(rate(refusals.count)), "total": JSONValue(refusals.total),
            ]
          })
      ),
      ("guests", .array(guests.map(\.form))),
    ])
  }

  private static func spread(_ steps: [Latencies.Step]) -> JSONValue {
    let microseconds = { (percent: Double) -> JSONValue in
      guard let nanoseconds = steps.nanoseconds(atPercentile: percent) else { return .null }
      return JSONValue(Int(clamping: (nanoseconds + 500) / 1000))
    }
    return [
      "count": JSONValue(Int(clamping: steps.total)), "p50": microseconds(50),
      "p99": microseconds(99), "p99.9": microseconds(99.9), "max": microseconds(100),
    ]
  }

  private func rounded(_ number: Double) -> JSONValue {
    JSONNumber((number * 1000).rounded() / 1000).map(JSONValue.number) ?? 0
  }
}

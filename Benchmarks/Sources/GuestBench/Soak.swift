import Foundation
import Glibc

/// Honest guests, hostile guests and an operator for a long time, with what the daemon uses.
struct Soak {
  let options: Options
  let folder: String

  /// What the daemon used and the honest guests saw in one stretch of time.
  struct Sample: Codable {
    var seconds: Double
    var residentKiB: Int
    var openFiles: Int
    var requestsPerSecond: Double
    var p50: Double
    var p99: Double
    /// What is attacked with.
    var attack: String
  }

  struct Results: Codable {
    var samples: [Sample]
    var requests: Int
    /// Honest requests that got no 200, by status; 0 for no answer.
    var refused: [Int: Int]
    /// Honest guests' answers that were another's.
    var wrongIdentities: Int
    /// The same of guests whose records come and go and change places; a 404 is none.
    var restlessRequests: Int
    var writes: Int
    /// The daemon's counters of refusals and audits.
    var counters: [String: Int]
    var facts: [Fact]
    var problems: [String]
  }

  private static let sampleSeconds = 5.0
  /// Each attack in turn for so long.
  private static let attackSeconds = 20.0
  /// Resident memory may grow by so much from the second quarter to the last.
  private static let maximumGrowth = 1.1

  func run() throws -> Results {
    let guests = (0..<40).map { GuestTown.Guest(number: $0) }
    let restless = Operator.guests
    let server = try GuestTown.serve(guests + restless, options, in: folder)
    defer { server.stop() }
    let honest = PoliteGuests(guests, threads: 2, port: server.port, restMilliseconds: 5)
    defer { honest.stop() }
    let moving = PoliteGuests(
      restless, threads: 1, port: server.port, restMilliseconds: 20, owners: Operator.owners)
    defer { moving.stop() }
    var operators = Operator(
      nameplate: options.nameplate ?? "nameplate", folder: folder)
    var results = Results(
      samples: [], requests: 0, refused: [:], wrongIdentities: 0, restlessRequests: 0, writes: 0,
      counters: [:], facts: [], problems: [])
    let start = ContinuousClock.now
    let end = Double(options.minutes * 60)
    var (last, round) = (start, 0)
    var enemies: [Enemy] = []
    defer { for enemy in enemies { enemy.stop() } }
    while (ContinuousClock.now - start).milliseconds / 1000 < end {
      try server.checkAlive()
      let isNewRound =
        (ContinuousClock.now - start).milliseconds / 1000
        >= Double(round) * Soak.attackSeconds
      if isNewRound {
        for enemy in enemies { enemy.stop() }
        enemies = []
        for enemy in try attack(round, server) { enemies.append(enemy) }
        round += 1
      }
      try operators.write()
      try rest(until: last + .seconds(Soak.sampleSeconds))
      let now = ContinuousClock.now
      let seen = honest.take()
      results.samples.append(
        Sample(
          seconds: (now - start).milliseconds / 1000,
          residentKiB: try ProcessUse.residentKiB(server.child.processID),
          openFiles: ProcessUse.openFiles(server.child.processID),
          requestsPerSecond: Double(seen.requests) / ((now - last).milliseconds / 1000),
          p50: seen.percentile(0.5), p99: seen.percentile(0.99),
          attack: Enemy.modes[(round - 1) % Enemy.modes.count]))
      last = now
      add(seen, moving.take(), to: &results)
      if results.samples.count % 12 == 0 { tell(results) }
    }
    results.writes = operators.writes
    results.counters = operators.counters()
    results.facts = Fact.all(options, folder: folder)
      .filter { !["nginx", "haproxy", "wrk"].contains($0.name) }
    results.problems = problems(results)
    return results
  }

  /// Two hostile guests at a time: a declared one, and one that nobody knows. They rest between
  /// steps, so that the machine does other things beside.
  private func attack(_ round: Int, _ server: Server) throws -> [Enemy] {
    let modes = Enemy.modes
    return [
      try Enemy(
        modes[round % modes.count], port: server.port, source: GuestTown.knownEnemy.addressText,
        pause: 0.01, log: "\(folder)/known.log"),
      try Enemy(
        modes[(round + 3) % modes.count], port: server.port, source: GuestTown.strangeEnemy,
        pause: 0.01, log: "\(folder)/strange.log"),
    ]
  }

  private func rest(until deadline: ContinuousClock.Instant) throws {
    while ContinuousClock.now < deadline {
      try Interrupt.check()
      pause(milliseconds: 20)
    }
  }

  private func add(_ seen: Observations, _ moving: Observations, to results: inout Results) {
    results.requests += seen.requests
    results.refused.merge(seen.refused, uniquingKeysWith: +)
    results.wrongIdentities += seen.wrong + moving.wrong
    results.restlessRequests += moving.requests
    for (status, count) in moving.refused where status != 404 {
      results.refused[status, default: 0] += count
    }
  }

  private func tell(_ results: Results) {
    guard let sample = results.samples.last else { return }
    GuestBench.complain(
      "\(sample.seconds.text(0)) s: \(sample.residentKiB / 1024) MiB, \(sample.openFiles) files, "
        + "p99 \(sample.p99.text(1)) ms, wrong \(results.wrongIdentities), "
        + "refused \(results.refused)")
  }

  private func problems(_ results: Results) -> [String] {
    var problems: [String] = []
    if results.wrongIdentities > 0 {
      problems.append("\(results.wrongIdentities) answers were another guest's")
    }
    if !results.refused.isEmpty {
      problems.append("honest requests without a 200, by status: \(results.refused)")
    }
    if results.requests == 0 { problems.append("no honest request was made") }
    let quarter = results.samples.count / 4
    // Memory settles in the first minutes.
    if quarter >= 12 {
      let resident = results.samples.map { Double($0.residentKiB) }
      let early = Series.median(of: Array(resident[quarter..<(2 * quarter)]))
      let late = Series.median(of: Array(resident.suffix(quarter)))
      if late > early * Soak.maximumGrowth {
        problems.append(
          "resident memory grew from \((early / 1024).text(1)) to \((late / 1024).text(1)) MiB")
      }
    }
    return problems
  }
}

/// An operator who writes all the time: metadata that changes, guests that are deleted and come
/// back, and two that change addresses in one commit.
struct Operator {
  /// 0 and 1 change places, 2 comes and goes, 3 gets new metadata.
  static let guests = (0..<4).map { GuestTown.Guest(number: 50_000 + $0) }

  /// Who may be at a guest's address.
  static func owners(of guest: GuestTown.Guest) -> [GuestTown.Guest] {
    guest.number < 50_002 ? Array(guests.prefix(2)) : [guest]
  }

  let nameplate: String
  let folder: String
  private(set) var writes = 0

  init(nameplate: String, folder: String) {
    self.nameplate = nameplate
    self.folder = folder
  }

  mutating func write() throws {
    let (first, second, third, fourth) = (
      Operator.guests[0], Operator.guests[1], Operator.guests[2], Operator.guests[3]
    )
    let isSwapped = writes / 4 % 2 == 1
    switch writes % 4 {
    case 0:
      try apply(
        first.manifest(at: isSwapped ? second.address : first.address) + "---\n"
          + second.manifest(at: isSwapped ? first.address : second.address))
    case 1: try run(["delete", "instance", third.id])
    case 2: try apply(third.manifest(metadata: writes))
    default: try apply(fourth.manifest(metadata: writes))
    }
    writes += 1
  }

  private func apply(_ manifest: String) throws {
    let file = "\(folder)/write.yaml"
    try Data(manifest.utf8).write(to: URL(fileURLWithPath: file))
    try run(["apply", "-f", file])
  }

  @discardableResult
  private func run(_ words: [String]) throws -> String {
    let child = try Child(
      [nameplate] + words + ["--socket", "\(folder)/control.sock"], log: "\(folder)/operator.log")
    defer { child.stop() }
    guard try child.wait(seconds: 30) == 0 else {
      throw BenchError("nameplate \(words.joined(separator: " ")):\n\(child.output)")
    }
    return child.output
  }

  /// What the daemon has refused.
  func counters() -> [String: Int] {
    guard let text = try? run(["status", "--output", "json"]),
      let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
      let counters = value["counters"] as? [String: Any]
    else { return [:] }
    return counters.compactMapValues { ($0 as? NSNumber)?.intValue }
      .filter { $0.key.hasPrefix("refusals.") || $0.key.hasPrefix("audit.") }
  }
}

/// What a process uses, from /proc.
enum ProcessUse {
  static func residentKiB(_ process: pid_t) throws -> Int {
    let data = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("VmRSS:") }
    guard let words = line?.split(separator: " "), words.count == 2 || words.count == 3,
      let size = words.compactMap({ Int($0) }).first
    else { throw BenchError("/proc/\(process)/status has no VmRSS") }
    return size
  }

  static func openFiles(_ process: pid_t) -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
  }
}

import Foundation
import Glibc
import Synchronization

/// One daemon with a million instances: what they weigh, how soon guests are answered, what a random
/// guest costs, and how long a write takes to reach its guest.
struct MillionBench {
  let options: Options
  let folder: String

  /// What is measured, beside what the instances weigh.
  enum Part: String, CaseIterable {
    case start
    case random
    case writes
  }

  /// Whom a run's requests are from, and what for.
  enum Work: String, Codable, CaseIterable {
    case keys = "one public key each"
    case metaData = "one meta_data.json each"
    case boot = "a boot each"

    var paths: [String] {
      switch self {
      case .keys: ["/latest/meta-data/public-keys/0/openssh-key"]
      case .metaData: ["/openstack/latest/meta_data.json"]
      case .boot: GuestTown.boot
      }
    }
  }

  struct Row: Codable {
    var work: Work
    var requests: Int
    /// The daemon's, user and system together.
    var million: Double
    var one: Double
    var failures: Int

    var ratio: Double { one > 0 ? million / one : 0 }
  }

  struct Start: Codable {
    var firstAnswerSeconds: Double
    var wholeSeconds: Double
    /// Asked and answered while the catalogue was not whole.
    var answeredMeanwhile: Int
    var failures: Int
  }

  struct Writes: Codable {
    var writes: Int
    var perSecond: Double
    /// From the write's first byte to the last of the guest's next answer.
    var p50: Double
    var p99: Double
    /// How much of that is until the write is acknowledged.
    var acknowledgedP50: Double
    var acknowledgedP99: Double
    var failures: Int
  }

  struct Results: Codable {
    var instances: Int
    var storeBytes: Int
    var emptyKiB: Int
    var loadedKiB: Int
    var userDataBytes: Int
    var start: Start?
    var rows: [Row]
    var writes: Writes?
    var facts: [Fact]
    var problems: [String]

    var bytesPerInstance: Double {
      Double((loadedKiB - emptyKiB) * 1024 - userDataBytes) / Double(max(1, instances))
    }
  }

  private var rounds: Int { options.rounds ?? (options.isShort ? 1 : 3) }
  private var seconds: Double { Double(options.seconds ?? (options.isShort ? 1 : 5)) }
  private var count: Int { options.instances }

  func run() throws -> Results {
    let town = MillionTown(
      options: options, folder: options.database ?? "/tmp/guest-bench-\(count)", count: count)
    try town.prepare()
    let one = try startOne()
    defer { one.server.stop() }

    town.makeCold()
    GuestBench.complain("million: start")
    let began = ContinuousClock.now
    let server = try town.serve()
    defer { server.stop() }
    var start: Start?
    if options.includes(Part.start.rawValue) {
      start = try watchStart(of: server, in: town, since: began)
    } else {
      try town.waitUntilReady(server)
    }
    try waitUntilIdle(server)
    let loaded = try ProcessUse.residentKiB(server.child.processID)

    let works = options.includes(Part.random.rawValue) ? Work.allCases : []
    let rows = try works.map { try row($0, server, one.server) }
    let writes =
      options.includes(Part.writes.rawValue)
      ? try write(to: server, socket: "\(town.folder)/control.sock") : nil
    try server.checkAlive()
    var results = Results(
      instances: count, storeBytes: town.storeBytes, emptyKiB: one.emptyKiB, loadedKiB: loaded,
      userDataBytes: MillionTown.userDataBytes, start: start, rows: rows, writes: writes,
      facts: Fact.all(options, folder: folder)
        .filter { !["nginx", "haproxy", "wrk"].contains($0.name) },
      problems: [])
    results.problems = MillionBench.problems(results)
    return results
  }

  /// A daemon with one instance, which has 64 addresses, so that ports do not run out.
  private func startOne() throws -> (server: Server, emptyKiB: Int) {
    let town = MillionTown(options: options, folder: folder, count: 1)
    let server = try town.serve()
    do {
      try town.waitUntilReady(server)
      let empty = try ProcessUse.residentKiB(server.child.processID)
      let guests = MillionBench.addressesOfOne.map(\.address)
      try town.apply(
        [MillionTown.document(of: GuestTown.Guest(number: 0), addresses: guests)],
        to: "\(folder)/control.sock")
      return (server, empty)
    } catch {
      server.stop()
      throw error
    }
  }

  private static let addressesOfOne = (0..<64).map { GuestTown.Guest(number: $0) }

  // MARK: The start

  private func watchStart(
    of server: Server, in town: MillionTown, since began: ContinuousClock.Instant
  ) throws -> Start {
    var random = SystemRandomNumberGenerator()
    var first: Double?
    var (answered, failures) = (0, 0)
    while true {
      try server.checkAlive()
      try Interrupt.check()
      let guest = GuestTown.Guest(number: Int.random(in: 0..<count, using: &random))
      let path = "/latest/meta-data/hostname"
      if let answer = HTTPProbe.get(path, port: server.port, from: guest.address) {
        if answer.status == 200, guest.owns(answer.body, of: path, asking: guest) {
          first = first ?? (ContinuousClock.now - began).milliseconds / 1000
          answered += 1
        } else {
          failures += 1
        }
      }
      if first != nil, town.health() == 200 { break }
      pause(milliseconds: 5)
    }
    return Start(
      firstAnswerSeconds: first ?? 0,
      wholeSeconds: (ContinuousClock.now - began).milliseconds / 1000,
      answeredMeanwhile: answered, failures: failures)
  }

  /// Until the daemon has done all that it does at its start: it still checks the database's pages.
  private func waitUntilIdle(_ server: Server) throws {
    var before = ProcessTime.seconds(ofTree: server.child.processID)
    while true {
      pause(milliseconds: 1000)
      try server.checkAlive()
      try Interrupt.check()
      let now = ProcessTime.seconds(ofTree: server.child.processID)
      if now - before < 0.05 { return }
      before = now
    }
  }

  // MARK: Random guests

  private func row(_ work: Work, _ million: Server, _ one: Server) throws -> Row {
    var (ofMillion, ofOne): ([Double], [Double]) = ([], [])
    var (requests, failures) = (0, 0)
    for round in 0..<rounds {
      for isMillion in round.isMultiple(of: 2) ? [true, false] : [false, true] {
        GuestBench.complain("million: \(work.rawValue), \(isMillion ? "random guests" : "one")")
        let server = isMillion ? million : one
        let before = ProcessTime.seconds(ofTree: server.child.processID)
        let load = RandomGuests(
          isMillion ? .random(of: count) : .one(MillionBench.addressesOfOne),
          paths: work.paths, port: server.port)
        let seen = load.run(seconds: seconds)
        try Interrupt.check()
        try server.checkAlive()
        let used = ProcessTime.seconds(ofTree: server.child.processID) - before
        requests += seen.requests
        failures += seen.failures
        let each = used * 1e6 / Double(max(1, seen.requests))
        if isMillion { ofMillion.append(each) } else { ofOne.append(each) }
      }
    }
    return Row(
      work: work, requests: requests, million: Series.median(of: ofMillion),
      one: Series.median(of: ofOne), failures: failures)
  }

  // MARK: Writes

  private func write(to server: Server, socket: String) throws -> Writes {
    GuestBench.complain("million: writes")
    let writers = Writers(count: count, perSecond: 1000, port: server.port, socket: socket)
    let (seen, elapsed) = try writers.run(seconds: seconds * 2)
    try Interrupt.check()
    let (whole, acknowledged) = (seen.whole, seen.acknowledged)
    return Writes(
      writes: whole.requests, perSecond: Double(whole.requests) / elapsed,
      p50: whole.percentile(0.5), p99: whole.percentile(0.99),
      acknowledgedP50: acknowledged.percentile(0.5), acknowledgedP99: acknowledged.percentile(0.99),
      failures: whole.wrong + acknowledged.failures)
  }

  // MARK: What must hold

  private static func problems(_ results: Results) -> [String] {
    var problems: [String] = []
    func want(_ holds: Bool, _ text: String) {
      if !holds { problems.append(text) }
    }
    let bytes = results.bytesPerInstance
    want(bytes <= 2048, "\(bytes.text(0)) bytes an instance; at most 2048 are wanted")
    if let start = results.start {
      let first = start.firstAnswerSeconds
      want(first <= 10, "the first right answer after \(first.text(1)) s; at most 10 s are wanted")
      want(start.failures == 0, "\(start.failures) wrong answers at the start")
    }
    for row in results.rows {
      want(row.failures == 0, "\(row.work.rawValue): \(row.failures) failed requests")
      want(
        row.ratio <= 1.1,
        "\(row.work.rawValue): \(row.ratio.text(2)) of one instance's CPU time; at most 1.1 are wanted"
      )
    }
    guard let writes = results.writes else { return problems }
    want(writes.p99 <= 10, "a write's p99 is \(writes.p99.text(1)) ms; at most 10 ms are wanted")
    want(writes.perSecond >= 950, "only \(writes.perSecond.text(0)) writes a second were made")
    want(writes.failures == 0, "\(writes.failures) writes failed, or their guests did not see them")
    return problems
  }
}

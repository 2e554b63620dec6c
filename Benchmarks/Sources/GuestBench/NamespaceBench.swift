import Foundation
import Glibc

/// One process with a socket in each namespace beside one haproxy in each: what they weigh, and how
/// soon a new namespace answers.
struct NamespaceBench {
  let options: Options
  let folder: String
  let namespaces: NamespaceSet

  /// What must hold (docs/networking): a tenth of the proxies' memory, and an answer at once.
  static let maximumMemoryRatio = 0.1
  static let maximumFirstAnswerMilliseconds = 200.0

  struct Results: Codable {
    var namespaces: Int
    var haproxyIdleKiB: Int
    var haproxyServedKiB: Int
    var oursIdleKiB: Int
    var oursServedKiB: Int
    /// From before `ip netns add` to the first right answer, in the order of measurement.
    var firstAnswerMilliseconds: [Double]
    var facts: [Fact]
    var problems: [String] = []

    var idleRatio: Double { Double(oursIdleKiB) / Double(max(1, haproxyIdleKiB)) }
    var servedRatio: Double { Double(oursServedKiB) / Double(max(1, haproxyServedKiB)) }
  }

  private var count: Int { options.isShort ? 20 : 200 }
  private var newcomers: Int { options.isShort ? 3 : 20 }
  private static let requestsEach = 40

  func run() throws -> Results {
    defer { namespaces.removeAll() }
    for number in 0..<count {
      try Interrupt.check()
      try namespaces.add(number)
    }
    let haproxy = try measureHaproxy()
    let ours = try measureOurs()
    var results = Results(
      namespaces: count, haproxyIdleKiB: haproxy.idle, haproxyServedKiB: haproxy.served,
      oursIdleKiB: ours.idle, oursServedKiB: ours.served, firstAnswerMilliseconds: ours.firsts,
      facts: Fact.all(options, folder: folder))
    // Twenty proxies are too few to compare by.
    if !options.isShort { results.problems = missed(by: results) }
    return results
  }

  private func missed(by results: Results) -> [String] {
    var problems: [String] = []
    for (name, ratio) in [("idle", results.idleRatio), ("after requests", results.servedRatio)]
    where ratio >= Self.maximumMemoryRatio {
      problems.append(
        "memory \(name): \(ratio.text(3)) of haproxy's; less than \(Self.maximumMemoryRatio.text(1)) is wanted"
      )
    }
    let slowest = results.firstAnswerMilliseconds.max() ?? 0
    if slowest > Self.maximumFirstAnswerMilliseconds {
      problems.append(
        "a new namespace answered after \(slowest.text(0)) ms; at most 200 are wanted")
    }
    return problems
  }

  private func measureHaproxy() throws -> (idle: Int, served: Int) {
    let farm = try HaproxyFarm(count, in: namespaces, folder: folder)
    defer { farm.stop() }
    for (number, proxy) in farm.proxies.enumerated() { try waitForAnswer(number, from: proxy) }
    let idle = try MemoryUse.kibibytes(of: farm.processes)
    for number in 0..<count { _ = try namespaces.ask(number, times: Self.requestsEach) }
    return (idle, try MemoryUse.kibibytes(of: farm.processes))
  }

  private func waitForAnswer(_ number: Int, from server: Child) throws {
    for _ in 0..<200 {
      try Interrupt.check()
      guard server.poll() == nil else {
        throw BenchError("\(server.name) ended early:\n\(server.output)")
      }
      if (try? namespaces.ask(number)) != nil { return }
      pause(milliseconds: 20)
    }
    throw BenchError("there is no answer in \(namespaces.name(number))")
  }

  private func measureOurs() throws -> (idle: Int, served: Int, firsts: [Double]) {
    let (configuration, manifest) = ("\(folder)/namespaces.yaml", "\(folder)/networks.yaml")
    try Data(self.configuration.utf8).write(to: URL(fileURLWithPath: configuration))
    try Data(self.manifest.utf8).write(to: URL(fileURLWithPath: manifest))
    let daemon = try Child(
      [
        options.nameplate ?? "nameplate", "serve", "--config", configuration, "--apply", manifest,
      ], log: "\(folder)/daemon.log")
    defer { daemon.stop() }
    for number in 0..<count { try waitForAnswer(number, from: daemon) }
    let idle = try MemoryUse.kibibytes(of: [daemon.processID])
    for number in 0..<count {
      let answers = try namespaces.ask(number, times: Self.requestsEach)
      let right = answers.ranges(of: "\"hostname\": \"guest-\(number)\"").count
      guard right == Self.requestsEach else {
        throw BenchError("\(namespaces.name(number)): \(right) of \(Self.requestsEach) are right")
      }
    }
    let served = try MemoryUse.kibibytes(of: [daemon.processID])
    var firsts: [Double] = []
    for number in count..<(count + newcomers) {
      try Interrupt.check()
      let start = ContinuousClock.now
      try namespaces.add(number)
      let answer = try namespaces.askUntilAnswered(number)
      let elapsed = ContinuousClock.now - start
      guard answer == "guest-\(number)" else {
        throw BenchError("\(namespaces.name(number)) was answered '\(answer)'")
      }
      firsts.append(
        Double(elapsed.components.attoseconds) / 1e15 + Double(elapsed.components.seconds) * 1e3)
    }
    return (idle, served, firsts)
  }

  private var configuration: String {
    """
    state_directory: \(folder)/state
    control_socket: \(folder)/control.sock
    metadata_listen: 127.0.0.1
    metadata_port: \((try? HTTPProbe.freePort()) ?? 8775)
    listeners:
    - {address: 169.254.169.254, port: 80, netns: "\(namespaces.prefix){network}"}
    log_level: warning

    """
  }

  private var manifest: String {
    (0..<(count + newcomers)).map { number in
      let network = NamespaceSet.network(number)
      let tail = String(number)
      return """
        kind: Network
        id: \(network)
        ---
        kind: Instance
        id: 00000000-0000-4000-8000-\(String(repeating: "0", count: 12 - tail.count))\(tail)
        hostname: guest-\(number)
        interfaces:
        - {network: \(network), address: \(NamespaceSet.guestAddress)}

        """
    }.joined(separator: "---\n")
  }
}

extension Report {
  static func table(_ results: NamespaceBench.Results) -> String {
    rows(results).map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: max(0, (column == 0 ? 46 : 12) - cell.count))
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func rows(_ results: NamespaceBench.Results) -> [[String]] {
    let firsts = results.firstAnswerMilliseconds
    let mebibytes = { (kibibytes: Int) in "\((Double(kibibytes) / 1024).text(1)) MiB" }
    return [
      ["\(results.namespaces) namespaces", "nameplate", "haproxy", "ratio"],
      [
        "memory of all processes (PSS), idle", mebibytes(results.oursIdleKiB),
        mebibytes(results.haproxyIdleKiB), results.idleRatio.text(3),
      ],
      [
        "… after 40 requests in each", mebibytes(results.oursServedKiB),
        mebibytes(results.haproxyServedKiB), results.servedRatio.text(3),
      ],
      [
        "new namespace to its first answer, median",
        "\(Series.median(of: firsts).text(0)) ms", "–", "–",
      ],
      ["… the slowest of \(firsts.count)", "\((firsts.max() ?? 0).text(0)) ms", "–", "–"],
    ]
  }

  static func markdown(_ results: NamespaceBench.Results) -> String {
    let rows = rows(results)
    let alignment = rows[0].indices.map { $0 == 0 ? "---" : "---:" }
    let table = ([rows[0], alignment] + rows.dropFirst())
      .map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n")
    let facts = results.facts.filter { $0.name != "wrk" }
      .map { "| \($0.name) | \($0.value) |" }.joined(separator: "\n")
    let verdict =
      results.problems.isEmpty
      ? "Less than a tenth of the memory, and each new namespace answered within 200 ms."
      : "Not met:\n\n" + results.problems.map { "- \($0)" }.joined(separator: "\n")
    return """
      # One process for all namespaces, beside one haproxy in each

      Written by `make bench`; do not edit. \(results.namespaces) network namespaces have the same
      addresses. First a haproxy runs in each, configured as Neutron's agents do (2 threads, one
      backend behind a Unix socket, which is not counted); then one `nameplate serve` has a socket in
      each. Memory is the proportional set size: shared pages count once. Each of the answers was that
      of its own namespace's instance. The time to the first answer starts before `ip netns add` and
      includes that, setting the addresses, and starting curl.

      \(table)

      \(verdict)

      | | |
      | --- | --- |
      \(facts)

      """
  }
}

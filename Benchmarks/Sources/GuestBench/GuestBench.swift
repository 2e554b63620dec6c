import Foundation
import Glibc

/// Measures a guest's GET beside nginx. Exits only at the end of `main`, after everything that was
/// started has been stopped.
@main
enum GuestBench {
  static func main() {
    exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  private static func run(_ arguments: [String]) -> Int32 {
    if arguments.contains("--help") || arguments.contains("-h") {
      print(Options.usage)
      return 0
    }
    do {
      let options = try Options(parsing: arguments)
      Interrupt.install()
      switch options.part {
      case .namespaces: return try runNamespaces(options)
      case .hostile: return try runHostile(options)
      case .soak: return try runSoak(options)
      case .million: return try runMillion(options)
      case .instructions: return try runInstructions(options)
      case .storm: return try runStorm(options)
      case .guests:
        let results = try inFolder { folder in try measure(options, in: folder) }
        return try tell(
          results, Report.table(results.rows), results.problems,
          [
            "guest-bench.md": Report.markdown(results, plan: options.plan),
            "guest-bench.svg": BarChart.svg(results.rows),
          ], options)
      }
    } catch let error as UsageError {
      complain("\(error)\n\n\(Options.usage)")
      return 2
    } catch let interrupt as Interrupt.Received {
      complain("stopped by signal \(interrupt.signal)")
      return 128 + interrupt.signal
    } catch {
      complain("guest-bench: \(error)")
      return 1
    }
  }

  /// A folder that is gone afterwards.
  private static func inFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("guest-bench-\(getpid())").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private static func runNamespaces(_ options: Options) throws -> Int32 {
    guard geteuid() == 0 else {
      complain("namespaces: skipped, only root can make network namespaces")
      return 0
    }
    let results = try inFolder { folder in
      // haproxy gives up its privileges, and reaches its backend by a socket in here.
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
      return try NamespaceBench(
        options: options, folder: folder, namespaces: NamespaceSet(folder: folder)
      ).run()
    }
    return try tell(
      results, Report.table(results), results.problems,
      ["namespaces.md": Report.markdown(results)], options)
  }

  private static func runHostile(_ options: Options) throws -> Int32 {
    let results = try inFolder { try HostileBench(options: options, folder: $0).run() }
    return try tell(
      results, Report.table(results), results.problems, ["hostile.md": Report.markdown(results)],
      options)
  }

  private static func runSoak(_ options: Options) throws -> Int32 {
    let results = try inFolder { try Soak(options: options, folder: $0).run() }
    return try tell(
      results, Report.table(results), results.problems,
      ["soak.md": Report.markdown(results), "soak.svg": LineChart.svg(results)], options)
  }

  private static func runMillion(_ options: Options) throws -> Int32 {
    let results = try inFolder { try MillionBench(options: options, folder: $0).run() }
    return try tell(
      results, Report.table(results), results.problems, ["million.md": Report.markdown(results)],
      options)
  }

  private static func runInstructions(_ options: Options) throws -> Int32 {
    var results = try inFolder { try InstructionBench(options: options, folder: $0).run() }
    if options.records {
      try InstructionThresholds(results.rows).write(to: options.instructionThresholds)
      complain("written: \(options.instructionThresholds)")
    } else {
      results.problems =
        try InstructionThresholds.read(options.instructionThresholds).missed(by: results.rows)
    }
    return try tell(results, results.table, results.problems, [:], options)
  }

  private static func runStorm(_ options: Options) throws -> Int32 {
    let results = try inFolder { try StormBench(options: options, folder: $0).run() }
    return try tell(
      results, Report.table(results), results.problems, ["storm.md": Report.markdown(results)],
      options)
  }

  /// Prints results, writes what a full run writes, and says what is missed.
  /// - Returns: The exit code.
  private static func tell(
    _ results: some Encodable, _ table: String, _ problems: [String], _ files: [String: String],
    _ options: Options
  ) throws -> Int32 {
    print(options.isJSON ? try Report.json(results) : table)
    if options.writesReport {
      for (name, text) in files.sorted(by: { $0.key < $1.key }) {
        try write(text, to: name, options)
      }
    }
    for problem in problems { complain(problem) }
    return problems.isEmpty ? 0 : 1
  }

  private static func write(_ text: String, to name: String, _ options: Options) throws {
    try FileManager.default.createDirectory(
      atPath: options.reportFolder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(options.reportFolder)/\(name)"))
    complain("written: \(options.reportFolder)/\(name)")
  }

  private static func measure(_ options: Options, in folder: String) throws -> Results {
    let plan = options.plan
    let facts = Fact.all(options, folder: folder)
    try Interrupt.check()
    let thresholds = options.isShort ? nil : try Thresholds.read(options.thresholds)

    let ours = try Server.ours(options, in: folder)
    defer { ours.stop() }
    let documents = try Target.all.map { target in
      (path: target.path, bytes: try ours.waitUntilReady(target.path))
    }
    let nginx = try Server.nginx(serving: documents, in: folder)
    defer { nginx.stop() }
    for document in documents {
      guard try nginx.waitUntilReady(document.path) == document.bytes else {
        throw BenchError("nginx does not serve the bytes that we wrote for \(document.path)")
      }
    }

    let withTokens = try Server.oursWithTokens(options, in: folder)
    defer { withTokens.stop() }

    let servers = Sides(ours: ours, nginx: nginx, withTokens: withTokens)
    let rows = try runRounds(plan, servers, log: "\(folder)/wrk.log")
    let missed = thresholds?.missed(by: rows) ?? []
    return Results(facts: facts, rows: rows, problems: Results.failures(in: rows) + missed)
  }

  /// All servers in turn, so that what else the machine does meets each; who comes first changes
  /// from round to round.
  private static func runRounds(_ plan: Plan, _ servers: Sides<Server>, log: String) throws -> [Row]
  {
    let sides = Sides<Server>.all
    if let seconds = plan.warmUp {
      for target in Target.all {
        for side in sides {
          _ = try Wrk.run(
            target.path, on: servers[keyPath: side], mode: .keepAlive, seconds: seconds, log: log)
        }
      }
    }
    var series = Target.all.flatMap { target in
      Mode.allCases.map { Series(target: target, mode: $0) }
    }
    for round in 0..<plan.rounds {
      complain("round \(round + 1) of \(plan.rounds)")
      for index in series.indices {
        let (target, mode) = (series[index].target, series[index].mode)
        let seconds = mode == .keepAlive ? plan.keepAlive : plan.close
        for place in sides.indices {
          let turn = (place + round) % sides.count
          let sample = try Wrk.run(
            target.path, on: servers[keyPath: sides[turn]], mode: mode, seconds: seconds, log: log)
          series[index].samples[keyPath: Sides<[Sample]>.all[turn]].append(sample)
        }
      }
    }
    return series.map(\.row)
  }

  /// Progress and problems go to standard error, so that `--output json` can be piped.
  static func complain(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

import Foundation
import Glibc

/// What one request costs the daemon: instructions and allocations, counted by callgrind.
///
/// Unlike time, these come out the same again, whatever else the machine does. The kernel's part is
/// not in them.
struct InstructionBench {
  let options: Options
  let folder: String

  private static let warmUp = 100
  private static let requests = 500
  /// Of so many counts the least is what a request costs: what the daemon does by the clock falls into
  /// the others, more of it where the machine is busy.
  private static let counts = 3

  /// What is counted.
  private struct Case {
    var target: Target
    var mode: Mode
    var hasToken = false

    var name: String { target.name + (hasToken ? ", with a token" : "") }

    static let all =
      Target.all.flatMap { target in Mode.allCases.map { Case(target: target, mode: $0) } }
      + Target.all.prefix(1).map { Case(target: $0, mode: .keepAlive, hasToken: true) }
  }

  func run() throws -> InstructionResults {
    let daemon = try start()
    defer { daemon.stop() }
    let counter = Callgrind(child: daemon.child, output: "\(folder)/callgrind", folder: folder)
    // What the daemon does but once after its start falls into the first count: it is thrown away.
    _ = try counter.count(part: 1) {
      for each in Case.all { try ask(daemon, each, [], times: InstructionBench.warmUp) }
    }
    var rows: [InstructionRow] = []
    var part = 1
    for each in Case.all {
      GuestBench.complain("\(each.name), \(each.mode.rawValue)")
      let fields = each.hasToken ? [try daemon.sessionToken()] : []
      try ask(daemon, each, fields, times: InstructionBench.warmUp)
      var costs: [Callgrind.Cost] = []
      for _ in 0..<InstructionBench.counts {
        part += 1
        costs.append(
          try counter.count(part: part) {
            try ask(daemon, each, fields, times: InstructionBench.requests)
          })
      }
      guard let cost = costs.min(by: { $0.instructions < $1.instructions }) else { continue }
      rows.append(
        InstructionRow(
          document: each.name, mode: each.mode,
          instructions: cost.instructions / InstructionBench.requests,
          allocations: Double(cost.allocations) / Double(InstructionBench.requests)))
    }
    return InstructionResults(rows: rows)
  }

  private func start() throws -> Server {
    guard let nameplate = options.nameplate else {
      throw BenchError("instructions are counted of a built nameplate, not of a command")
    }
    // valgrind stops at the debugging information of Swift's compiler.
    let bare = "\(folder)/nameplate"
    let strip = try Child(["strip", "-g", "-o", bare, nameplate], log: "\(folder)/strip.log")
    defer { strip.stop() }
    guard try strip.wait(seconds: 60) == 0 else { throw BenchError("strip: \(strip.output)") }

    let port = try HTTPProbe.freePort()
    let configuration = BenchInventory.configuration(folder: folder, port: port)
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: "\(folder)/serve.yaml"))
    try Data(BenchInventory.manifest.utf8)
      .write(to: URL(fileURLWithPath: "\(folder)/manifest.yaml"))
    var environment = ["SWIFT_DETERMINISTIC_HASHING": "1", "SWIFT_BACKTRACE": "enable=no"]
    if let library = options.preload { environment["LD_PRELOAD"] = library }
    let child = try Child(
      // One thread serves: with two, the other one is woken for nothing now and then.
      [
        "taskset", "-c", "0", "valgrind", "--tool=callgrind", "--instr-atstart=no",
        "--callgrind-out-file=\(folder)/callgrind", bare, "serve", "--config",
        "\(folder)/serve.yaml", "--apply", "\(folder)/manifest.yaml",
      ], log: "\(folder)/ours.log", environment: environment)
    let server = Server(name: "nameplate under callgrind", port: port, child: child)
    do {
      _ = try server.waitUntilReady(Target.all[0].path)
    } catch {
      server.stop()
      throw error
    }
    return server
  }

  private func ask(
    _ daemon: Server, _ each: Case, _ fields: [(String, String)], times: Int
  ) throws {
    let isKept = each.mode == .keepAlive
    let fields = fields + (isKept ? [] : [("Connection", "close")])
    var conversation: HTTPProbe.Conversation?
    for _ in 0..<times {
      let current = try conversation ?? HTTPProbe.Conversation(port: daemon.port)
      let answer = try current.ask("GET", each.target.path, fields: fields)
      guard answer.status == 200 else {
        throw BenchError("\(each.target.path) was answered \(answer.status)")
      }
      conversation = isKept ? current : nil
    }
  }
}

/// A program that runs under callgrind.
struct Callgrind {
  let child: Child
  /// The file that parts of its counts are written beside, as `output.1` and so on.
  let output: String
  let folder: String

  struct Cost {
    var instructions = 0
    var allocations = 0
  }

  /// What the program does meanwhile.
  /// - Parameter part: How many counts there have been, with this one.
  func count(part: Int, _ body: () throws -> Void) throws -> Cost {
    try control("--instr=on")
    try body()
    try control("--instr=off")
    try control("--dump")
    guard let data = FileManager.default.contents(atPath: "\(output).\(part)") else {
      throw BenchError("callgrind has not written \(output).\(part):\n\(child.output)")
    }
    return try Callgrind.read(String(decoding: data, as: UTF8.self))
  }

  private func control(_ command: String) throws {
    let control = try Child(
      ["callgrind_control", command, "\(child.processID)"], log: "\(folder)/control.log")
    defer { control.stop() }
    guard try control.wait(seconds: 60) == 0 else {
      throw BenchError("callgrind_control \(command): \(control.output)")
    }
  }

  private static let allocators: Set = [
    "malloc", "calloc", "realloc", "memalign", "aligned_alloc", "posix_memalign",
  ]

  /// Reads callgrind's format: names are given once with their number, calls follow the name of who
  /// is called.
  static func read(_ text: String) throws -> Cost {
    var cost = Cost()
    var allocators: Set<Substring> = []
    var callee: Substring?
    for line in text.split(separator: "\n") {
      if line.hasPrefix("fn=(") || line.hasPrefix("cfn=(") {
        guard let open = line.firstIndex(of: "("), let close = line.firstIndex(of: ")") else {
          continue
        }
        let number = line[line.index(after: open)..<close]
        let name = line[line.index(after: close)...].drop { $0 == " " }
        if Callgrind.allocators.contains(String(name)) { allocators.insert(number) }
        if line.hasPrefix("c") { callee = number }
      } else if line.hasPrefix("calls="), let called = callee {
        let count = line.dropFirst("calls=".count).prefix { $0 != " " }
        if allocators.contains(called) { cost.allocations += Int(count) ?? 0 }
        callee = nil
      } else if line.hasPrefix("totals:") {
        cost.instructions = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      }
    }
    guard cost.instructions > 0 else { throw BenchError("callgrind has counted nothing") }
    return cost
  }
}

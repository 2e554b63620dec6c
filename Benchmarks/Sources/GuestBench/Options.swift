/// What the command line asks for.
struct Options {
  /// What is measured.
  enum Part {
    case guests
    case namespaces
    case hostile
    case soak
    case million
    case instructions
    case storm
  }

  var part = Part.guests
  var nameplate: String?
  /// Started in place of `nameplate serve`: to compare two builds, or to try the bench itself.
  var oursCommand: String?
  var isShort = false
  var rounds: Int?
  var seconds: Int?
  var minutes = 30
  var instances = 1_000_000
  var guests = 10_000
  var spread: Int?
  var database: String?
  /// Parts of `million` and `storm`; nil for all of them.
  var only: Set<String>?
  var isJSON = false
  var thresholds = "Benchmarks/thresholds.json"
  var instructionThresholds = "Benchmarks/instructions.json"
  var reportFolder = "docs/performance"
  /// A library that valgrind loads into the daemon.
  var preload: String?
  var records = false

  static let usage = """
    usage: guest-bench [namespaces|hostile|soak|million|instructions|storm] [options] PATH-OF-NAMEPLATE

    Measures the guests' side beside nginx serving the same bytes from files; with `namespaces`, one
    daemon with a socket in each of 200 network namespaces beside 200 haproxies (root only); with
    `hostile`, what polite guests wait for their answers, alone and beside each attack; with `soak`,
    honest and hostile guests and an operator for half an hour, with what the daemon uses; with
    `million`, one daemon with very many instances: memory, start, random guests, writes; with
    `instructions`, what a request costs the daemon by callgrind's count, beside what was recorded; with
    `storm`, ten thousand guests that boot at once beside nginx.

      --short              one round of 1 s; only checks that no request failed
      --rounds N           rounds to take the median of (5)
      --seconds N          seconds of each keep-alive run (5); runs that close take at most 3
      --minutes N          of a soak (30)
      --instances N        of `million` (1000000)
      --guests N           of `storm` (10000)
      --spread SECONDS     of `storm`: over which guests are powered on (what makes 8000 requests a second)
      --only PART,…        of `million`: start, random, writes; of `storm`: alone, spread, dense,
                           together; what is not whole writes no report
      --database FOLDER    where `million` makes its store and finds it again (/tmp/guest-bench-N)
      --output text|json   (text)
      --thresholds FILE    (\(Options().thresholds))
      --record             of instructions: records what is counted as what may be
      --preload FILE       of instructions: a library that the daemon is started with
      --report FOLDER      where a full run writes its report (\(Options().reportFolder))
      --ours-command TEXT  a shell command in place of nameplate; it finds the port in $BENCH_PORT and
                           a folder of its own in $BENCH_FOLDER

    Exit codes: 0 done, 1 a request failed or (in full) a threshold was missed, 2 usage,
    128 + N stopped by signal N.
    """

  init() {}

  init(parsing arguments: [String]) throws(UsageError) {
    var rest = arguments[...]
    let parts: [String: Part] = [
      "namespaces": .namespaces, "hostile": .hostile, "soak": .soak, "million": .million,
      "instructions": .instructions, "storm": .storm,
    ]
    if let first = rest.first, let named = parts[first] {
      rest.removeFirst()
      part = named
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--short": isShort = true
      case "--rounds": rounds = try Options.number(after: argument, &rest)
      case "--seconds": seconds = try Options.number(after: argument, &rest)
      case "--minutes": minutes = try Options.number(after: argument, &rest)
      case "--instances":
        instances = try Options.number(after: argument, &rest, to: MillionTown.maximumCount)
      case "--guests": guests = try Options.number(after: argument, &rest, to: 50_000)
      case "--spread": spread = try Options.number(after: argument, &rest)
      case "--only":
        only = try Options.parts(try Options.value(after: argument, &rest))
      case "--database": database = try Options.value(after: argument, &rest)
      case "--thresholds": thresholds = try Options.value(after: argument, &rest)
      case "--record": records = true
      case "--preload": preload = try Options.value(after: argument, &rest)
      case "--report": reportFolder = try Options.value(after: argument, &rest)
      case "--ours-command": oursCommand = try Options.value(after: argument, &rest)
      case "--output":
        switch try Options.value(after: argument, &rest) {
        case "json": isJSON = true
        case "text": isJSON = false
        case let other: throw UsageError("--output: '\(other)' is neither text nor json")
        }
      default:
        guard !argument.hasPrefix("-"), nameplate == nil else {
          throw UsageError("'\(argument)' is not understood")
        }
        nameplate = argument
      }
    }
    guard nameplate != nil || oursCommand != nil else {
      throw UsageError("the path of a built nameplate is missing")
    }
  }

  private static func value(after name: String, _ rest: inout ArraySlice<String>)
    throws(UsageError) -> String
  {
    guard let value = rest.popFirst() else { throw UsageError("\(name) needs a value") }
    return value
  }

  private static func parts(_ text: String) throws(UsageError) -> Set<String> {
    let known =
      MillionBench.Part.allCases.map(\.rawValue) + StormBench.Work.allCases.map(\.rawValue)
    let parts = text.split(separator: ",").map(String.init)
    for part in parts where !known.contains(part) {
      throw UsageError("--only: '\(part)' is none of \(known.joined(separator: ", "))")
    }
    return Set(parts)
  }

  private static func number(
    after name: String, _ rest: inout ArraySlice<String>, to last: Int = 3600
  ) throws(UsageError) -> Int {
    let text = try value(after: name, &rest)
    guard let number = Int(text), (1...last).contains(number) else {
      throw UsageError("\(name): '\(text)' is not a number from 1 to \(last)")
    }
    return number
  }

  func includes(_ part: String) -> Bool { only?.contains(part) ?? true }

  /// Whether the report is written: not of less than all.
  var writesReport: Bool { !isShort && only == nil }

  /// How much is measured.
  var plan: Plan {
    if isShort { return Plan(rounds: rounds ?? 1, keepAlive: seconds ?? 1, close: 1, warmUp: nil) }
    let seconds = seconds ?? 5
    return Plan(rounds: rounds ?? 5, keepAlive: seconds, close: min(seconds, 2), warmUp: 1)
  }
}

/// Rounds, and the seconds of each run in them.
struct Plan {
  var rounds: Int
  var keepAlive: Int
  /// Each request of such a run takes a new port, and a port rests for a while after use: short
  /// runs, so that the machine does not run out of them. Never over 3.
  var close: Int
  /// Before the first round, thrown away.
  var warmUp: Int?
}

/// A command line that cannot be understood.
struct UsageError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A bench that cannot go on.
struct BenchError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

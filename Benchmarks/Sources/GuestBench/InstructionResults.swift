import Foundation

/// What a request for one document costs in one mode.
struct InstructionRow: Codable {
  var document: String
  var mode: Mode
  var instructions: Int
  var allocations: Double
}

struct InstructionResults: Codable {
  var rows: [InstructionRow]
  /// What costs more than it did, in words.
  var problems: [String] = []

  var table: String {
    Report.table(
      [["document", "mode", "instructions", "allocations"]]
        + rows.map {
          [$0.document, $0.mode.rawValue, "\($0.instructions)", $0.allocations.text(1)]
        })
  }
}

/// What a request may cost, kept as data in instructions.json: by mode, by document.
struct InstructionThresholds: Codable {
  struct Threshold: Codable {
    var instructions: Int
    var allocations: Double
  }

  /// More than this over what was recorded is too much.
  static let tolerance = 1.05
  /// Another thread of the daemon allocates something now and then.
  static let allocationsOfOthers = 0.25

  var byMode: [String: [String: Threshold]]

  init(_ rows: [InstructionRow]) {
    byMode = Dictionary(grouping: rows, by: \.mode.rawValue).mapValues { rows in
      Dictionary(
        rows.map {
          ($0.document, Threshold(instructions: $0.instructions, allocations: $0.allocations))
        }, uniquingKeysWith: { $1 })
    }
  }

  static func read(_ file: String) throws -> InstructionThresholds {
    guard let data = FileManager.default.contents(atPath: file) else {
      throw BenchError("\(file) cannot be read; start from the root of the checkout")
    }
    do {
      return try JSONDecoder().decode(InstructionThresholds.self, from: data)
    } catch {
      throw BenchError("\(file): \(error)")
    }
  }

  func write(to file: String) throws {
    try Data((try Report.json(self) + "\n").utf8).write(to: URL(fileURLWithPath: file))
  }

  /// What costs more than was recorded. What was not recorded is missed too: a renamed document
  /// must not pass unseen.
  func missed(by rows: [InstructionRow]) -> [String] {
    rows.flatMap { row -> [String] in
      let name = "\(row.document), \(row.mode.rawValue)"
      guard let threshold = byMode[row.mode.rawValue]?[row.document] else {
        return ["\(name): nothing is recorded for it; record it with --record"]
      }
      let measures = [
        ("instructions", Double(row.instructions), Double(threshold.instructions), 0),
        (
          "allocations", row.allocations, threshold.allocations,
          InstructionThresholds.allocationsOfOthers
        ),
      ]
      return measures.compactMap { measure, now, recorded, slack in
        now <= recorded * InstructionThresholds.tolerance + slack
          ? nil
          : "\(name): \(now.text(1)) \(measure) a request, \(recorded.text(1)) when it was recorded"
      }
    }
  }
}

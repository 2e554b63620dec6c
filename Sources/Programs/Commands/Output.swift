import ArgumentParser
import Foundation
import Inventory
import Manifest

/// How a command prints what it has to say.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table
  case json
  case yaml
}

struct OutputOptions: ParsableArguments {
  @Option(name: [.short, .long], help: "table, json or yaml.")
  var output: OutputFormat?
}

/// Columns, each as wide as it must be.
struct Table {
  private let heads: [String]
  private var rows: [[String]] = []

  init(_ heads: String...) { self.heads = heads }

  mutating func add(_ cells: String...) { rows.append(cells) }

  mutating func add(cells: [String]) { rows.append(cells) }

  func print() {
    for (index, line) in lines.enumerated() {
      Swift.print(index == 0 ? Terminal.bold(line) : line)
    }
  }

  /// The heads, then the rows.
  var lines: [String] {
    let widths = heads.indices.map { column in
      ([heads] + rows).map { $0[column].count }.max() ?? 0
    }
    let line = { (cells: [String]) in
      zip(cells, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }.joined(separator: "  ").trimmingEnd
    }
    return ([heads] + rows).map(line)
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = Substring(self)
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

/// Prints values for programs.
enum Output {
  /// One line that is out at once, even into a pipe.
  static func line(_ text: String) { write(text + "\n") }

  /// Text that is out at once. Where nobody reads it any more, the program ends.
  static func write(_ text: String) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      Foundation.exit(1)
    }
  }

  /// The next of values that come one by one, out at once: a line of JSON, or a YAML document.
  static func stream(_ value: JSONValue, _ format: OutputFormat) {
    switch format {
    case .json: line(value.text)
    case .yaml, .table: write("---\n" + ManifestWriter.text(value))
    }
  }

  static func print(_ value: JSONValue, _ format: OutputFormat) {
    switch format {
    case .json: Swift.print(value.text)
    case .yaml, .table: Swift.print(ManifestWriter.text(value), terminator: "")
    }
  }

  /// Many documents: a JSON list, or YAML documents between dashes.
  static func print(documents: [JSONValue], _ format: OutputFormat) {
    switch format {
    case .json: Swift.print(JSONValue.array(documents).text)
    case .yaml, .table:
      Swift.print(ManifestWriter.text(documents), terminator: "")
    }
  }
}

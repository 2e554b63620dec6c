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
  /// Of what was printed; nil where nothing was.
  private var printedWidths: [Int]?

  init(_ heads: String...) { self.heads = heads }

  mutating func add(_ cells: String...) { rows.append(cells) }

  mutating func add(cells: [String]) { rows.append(cells) }

  func print() {
    var table = self
    table.printNext()
  }

  /// Prints the rows that were added since the last time, under heads that are printed once. A column
  /// grows where it must, and does not shrink again.
  mutating func printNext() {
    let widths = widths
    var lines = rows.map { Table.line($0, widths) }
    if printedWidths == nil { lines.insert(Terminal.bold(Table.line(heads, widths)), at: 0) }
    Output.write(lines.map { $0 + "\n" }.joined())
    printedWidths = widths
    rows = []
  }

  /// The heads, then the rows.
  var lines: [String] {
    let widths = widths
    return ([heads] + rows).map { Table.line($0, widths) }
  }

  private var widths: [Int] {
    heads.indices.map { column in
      rows.reduce(max(heads[column].count, printedWidths?[column] ?? 0)) {
        max($0, $1[column].count)
      }
    }
  }

  private static func line(_ cells: [String], _ widths: [Int]) -> String {
    zip(cells, widths).map { cell, width in
      cell + String(repeating: " ", count: width - cell.count)
    }.joined(separator: "  ").trimmingEnd
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
    // What was printed before is to be read before.
    fflush(nil)
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
    var list = DocumentList(format)
    list.print(documents)
    list.end()
  }
}

/// Documents that come a few at a time, as a JSON list or as YAML documents between dashes.
struct DocumentList {
  private let isJSON: Bool
  private var isEmpty = true

  init(_ format: OutputFormat) { isJSON = format == .json }

  mutating func print(_ documents: [JSONValue]) {
    guard !documents.isEmpty else { return }
    let start = isJSON ? isEmpty ? "[" : ", " : isEmpty ? "" : "---\n"
    isEmpty = false
    Output.write(
      start
        + (isJSON
          ? documents.map(\.text).joined(separator: ", ") : ManifestWriter.text(documents)))
  }

  func end() {
    if isJSON { Output.write(isEmpty ? "[]\n" : "]\n") }
  }
}

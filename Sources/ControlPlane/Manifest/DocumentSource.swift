import Inventory
import Yams

/// The documents of a text, one after the other: YAML, one JSON document, or one JSON document a
/// line.
struct DocumentSource {
  private enum Format {
    case yaml(Parser)
    case json(JSONValue?)
    case jsonLines([Substring])
  }

  private let text: String
  private let marks: ByteOrderMarks
  private var format: Format
  private var index = 0
  private var line = 0

  init(_ text: String) throws(LineError) {
    guard text.utf8.count <= Limits.maximumManifestBytes else {
      throw LineError(
        line: 1, message: "is larger than \(Limits.maximumManifestBytes) bytes; split it")
    }
    self.text = text
    marks = ByteOrderMarks(text)
    if let json = DocumentSource.json(text) {
      format = json
    } else {
      format = .yaml(try DocumentSource.parser(marks.hidden(text)))
    }
  }

  mutating func next() throws(LineError) -> ManifestDocument? {
    guard let (value, lines) = try nextValue() else { return nil }
    defer { index += 1 }
    return ManifestDocument(index: index, value: value, lines: lines)
  }

  private mutating func nextValue() throws(LineError) -> (JSONValue, LineTree)? {
    switch format {
    case .json(let value):
      format = .json(nil)
      guard let value else { return nil }
      var scanner = JSONLineScanner(text)
      return (value, scanner.tree())
    case .jsonLines(let rows):
      while line < rows.count {
        let row = rows[line]
        line += 1
        guard row.contains(where: { !$0.isWhitespace }) else { continue }
        do {
          let value = try JSONValue(parsing: Array(row.utf8))
          return (value, LineTree.scalar(line: line))
        } catch {
          throw LineError(line: line, message: error.description)
        }
      }
      return nil
    case .yaml(let parser):
      while let root = try DocumentSource.root(parser) {
        var reader = NodeReader(marks: marks)
        let (value, lines) = try reader.read(root)
        if value != .null { return (value, lines) }
      }
      return nil
    }
  }

  // MARK: JSON

  /// JSON is read as JSON, because YAML has other escapes; nil where the text is no JSON.
  private static func json(_ text: String) -> Format? {
    guard text.first(where: { !$0.isWhitespace }) == "{" else { return nil }
    if let value = try? JSONValue(parsing: text) { return .json(value) }
    let rows = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
      .map { Substring($0) }
    guard let first = rows.first(where: { row in row.contains { !$0.isWhitespace } }),
      (try? JSONValue(parsing: Array(first.utf8))) != nil
    else { return nil }
    return .jsonLines(rows)
  }

  // MARK: YAML

  private static func parser(_ text: String) throws(LineError) -> Parser {
    if let line = AliasGuard.suspiciousLine(in: text) {
      throw LineError(
        line: line,
        message: "a file with aliases must not have lists, maps or aliases as keys")
    }
    do {
      return try Parser(yaml: text, encoding: .utf8)
    } catch {
      throw lineError(error)
    }
  }

  private static func root(_ parser: Parser) throws(LineError) -> Node? {
    do {
      return try parser.nextRoot()
    } catch {
      throw lineError(error)
    }
  }

  /// The parser's errors carry the whole text; only what is wrong and where is kept.
  private static func lineError(_ error: any Error) -> LineError {
    guard let error = error as? YamlError else {
      return LineError(line: 1, message: "cannot be read as YAML")
    }
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let detail = context.map { "\(problem) (\($0.text) in line \($0.mark.line))" } ?? problem
      return LineError(line: mark.line, message: "is not YAML: \(detail)")
    case .duplicatedKeysInMapping(let keys, let context):
      return LineError(
        line: context.mark.line, message: "the key '\(keys.first ?? "")' is there twice")
    case .reader(let problem, let offset, _, let yaml):
      let line = yaml.utf8.prefix(offset ?? 0).count { $0 == 0x0A } + 1
      return LineError(line: line, message: "is not YAML: \(problem)")
    default: return LineError(line: 1, message: "cannot be read as YAML")
    }
  }
}

/// Finds the lines in a text that is known to be valid JSON.
struct JSONLineScanner {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func tree() -> LineTree {
    skipSpace()
    let start = line
    switch current {
    case UInt8(ascii: "{"):
      var members: [String: LineTree] = [:]
      position += 1
      while let byte = skipSeparators(), byte != UInt8(ascii: "}") {
        let keyLine = line
        let key = string()
        _ = skipSeparators()
        members[key] = tree().moved(to: keyLine)
      }
      position += 1
      return .map(line: start, members)
    case UInt8(ascii: "["):
      var elements: [LineTree] = []
      position += 1
      while let byte = skipSeparators(), byte != UInt8(ascii: "]") { elements.append(tree()) }
      position += 1
      return .list(line: start, elements)
    case UInt8(ascii: "\""): _ = string()
    default:
      while let byte = current, !JSONLineScanner.ends(byte) { position += 1 }
    }
    return .scalar(line: start)
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private static func ends(_ byte: UInt8) -> Bool {
    byte <= 0x20 || [UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(byte)
  }

  private mutating func skipSpace() {
    while let byte = current, byte <= 0x20 {
      if byte == 0x0A { line += 1 }
      position += 1
    }
  }

  private mutating func skipSeparators() -> UInt8? {
    skipSpace()
    while let byte = current, byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") {
      position += 1
      skipSpace()
    }
    return current
  }

  /// The string that starts here; JSON allows no line break inside one.
  private mutating func string() -> String {
    let start = position
    position += 1
    while let byte = current, byte != UInt8(ascii: "\"") {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(position + 1, bytes.count)
    let literal = Array(bytes[min(start, position)..<position])
    return (try? JSONValue(parsing: literal))?.string ?? ""
  }
}

public import Inventory
import OrderedCollections

/// Writes values as YAML in block style; reading the text gives the same values.
public enum ManifestWriter {
  /// Several documents, with `---` between them.
  public static func text(_ documents: [JSONValue]) -> String {
    documents.map(text).joined(separator: "---\n")
  }

  /// One document, with a line break at its end.
  public static func text(_ document: JSONValue) -> String {
    var writer = BlockWriter()
    writer.write(document)
    return writer.text
  }
}

/// Collects the lines of one document.
private struct BlockWriter {
  private(set) var text = ""

  mutating func write(_ document: JSONValue) {
    switch document {
    case .object(let members) where !members.isEmpty: write(members, indent: 0, isInline: false)
    case .array(let elements) where !elements.isEmpty: write(elements, indent: 0, isInline: false)
    default: writeRest(of: document, indent: 0)
    }
  }

  /// A map's members. The first one goes on in the current line where `isInline` says that the
  /// line has begun already, as after `- `.
  private mutating func write(
    _ members: OrderedDictionary<String, JSONValue>, indent: Int, isInline: Bool
  ) {
    var isFirst = isInline
    for (key, value) in members {
      if !isFirst { pad(indent) }
      isFirst = false
      write(key: ScalarStyle.inline(key), indent: indent)
      switch value {
      case .object(let inner) where !inner.isEmpty:
        text += "\n"
        write(inner, indent: indent + 2, isInline: false)
      case .array(let elements) where !elements.isEmpty:
        text += "\n"
        write(elements, indent: indent, isInline: false)
      default:
        text += " "
        writeRest(of: value, indent: indent + 2)
      }
    }
  }

  /// A key and its colon. YAML reads a key as one by itself only up to 1024 characters in a line;
  /// a longer one must say that it is one.
  private mutating func write(key: String, indent: Int) {
    if key.unicodeScalars.count <= BlockWriter.maximumPlainKey {
      text += "\(key):"
    } else {
      text += "? \(key)\n"
      pad(indent)
      text += ":"
    }
  }

  private static let maximumPlainKey = 1000

  private mutating func write(_ elements: [JSONValue], indent: Int, isInline: Bool) {
    var isFirst = isInline
    for element in elements {
      if !isFirst { pad(indent) }
      isFirst = false
      text += "- "
      switch element {
      case .object(let members) where !members.isEmpty:
        write(members, indent: indent + 2, isInline: true)
      case .array(let inner) where !inner.isEmpty:
        write(inner, indent: indent + 2, isInline: true)
      default: writeRest(of: element, indent: indent + 2)
      }
    }
  }

  /// What follows a key or a dash in the same line, and the lines below it for a literal block.
  private mutating func writeRest(of value: JSONValue, indent: Int) {
    switch value {
    case .null: text += "null\n"
    case .bool(let flag): text += flag ? "true\n" : "false\n"
    case .number(let number): text += "\(number.text)\n"
    case .array: text += "[]\n"
    case .object: text += "{}\n"
    case .string(let string):
      guard let header = ScalarStyle.literalHeader(string) else {
        text += "\(ScalarStyle.inline(string))\n"
        return
      }
      text += "\(header)\n"
      writeLiteral(string, indent: max(indent, 2))
    }
  }

  private mutating func writeLiteral(_ string: String, indent: Int) {
    var rows = string.split(separator: "\n", omittingEmptySubsequences: false)
    if rows.last?.isEmpty == true { rows.removeLast() }
    for row in rows {
      if !row.isEmpty {
        pad(indent)
        text += row
      }
      text += "\n"
    }
  }

  private mutating func pad(_ columns: Int) { text += String(repeating: " ", count: columns) }
}

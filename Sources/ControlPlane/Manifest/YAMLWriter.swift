public import Inventory
import OrderedCollections
import Yams

extension JSONValue {
  /// The value as a YAML document for people: blocks, long texts line by line, quotes only where
  /// a word would be read as something else. Reading it gives the same value.
  public var yaml: String {
    var out = ""
    YAMLWriter.write(self, indent: 0, to: &out)
    return out
  }
}

/// Writes block YAML. A writer of our own, because libyaml folds and quotes by rules that make a
/// public key or a script hard to read.
enum YAMLWriter {
  static func write(_ value: JSONValue, indent: Int, to out: inout String) {
    switch value {
    case .object(let members) where !members.isEmpty:
      for (key, member) in members {
        out += pad(indent) + scalar(key) + ":"
        writeMember(member, indent: indent, to: &out)
      }
    case .array(let elements) where !elements.isEmpty:
      for element in elements {
        out += pad(indent) + "-"
        writeElement(element, indent: indent, to: &out)
      }
    default: out += pad(indent) + inline(value) + "\n"
    }
  }

  private static func writeMember(_ value: JSONValue, indent: Int, to out: inout String) {
    switch value {
    case .object(let members) where !members.isEmpty:
      out += "\n"
      write(value, indent: indent + 2, to: &out)
    case .array(let elements) where !elements.isEmpty:
      out += "\n"
      write(value, indent: indent, to: &out)
    case .string(let text) where isLiteral(text): out += literal(text, indent: indent + 2)
    default: out += " " + inline(value) + "\n"
    }
  }

  /// An element stands beside its dash; a map's first key too.
  private static func writeElement(_ value: JSONValue, indent: Int, to out: inout String) {
    switch value {
    case _ where value.object?.isEmpty == false || value.array?.isEmpty == false:
      var nested = ""
      write(value, indent: indent + 2, to: &nested)
      out += " " + nested.dropFirst(indent + 2)
    case .string(let text) where isLiteral(text): out += literal(text, indent: indent + 2)
    default: out += " " + inline(value) + "\n"
    }
  }

  private static func inline(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): scalar(text)
    case .array: "[]"
    case .object: "{}"
    default: value.text
    }
  }

  /// Plain where it reads back as the same text, else JSON's quotes, which YAML shares.
  private static func scalar(_ text: String) -> String {
    isPlain(text) ? text : JSONValue.string(text).text
  }

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, text.utf8.count <= 2048,
      first.properties.isAlphabetic && first.isASCII || first == "/" || ("0"..."9").contains(first),
      !text.hasSuffix(" "), !text.hasSuffix(":"), !text.contains(": "), !text.contains(" #")
    else { return false }
    guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return false }
    return YAMLTag(Node(text)) == .text
  }

  private static func isLiteral(_ text: String) -> Bool {
    guard text.contains("\n"), !text.contains("\n\n\n"), text.hasSuffix("\n"),
      !text.hasSuffix("\n\n"), let first = text.unicodeScalars.first, first != " ", first != "\n"
    else { return false }
    return text.unicodeScalars.allSatisfy { scalar in
      scalar == "\n" || scalar == "\t" || (0x20...0x7E).contains(scalar.value)
        || (0xA0...0xD7FF).contains(scalar.value) && scalar.value != 0x2028
          && scalar.value != 0x2029
    }
  }

  private static func literal(_ text: String, indent: Int) -> String {
    let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    return " |\n" + lines.map { $0.isEmpty ? "\n" : "\(pad(indent))\($0)\n" }.joined()
  }

  private static func pad(_ indent: Int) -> String { String(repeating: " ", count: indent) }
}

import Inventory
import OrderedCollections

extension JSONValue {
  /// The value as YAML in block style, for readers that take nothing else.
  ///
  /// Every string is in double quotes, so that none is taken for a number or a date. JSON's own form
  /// of characters beyond 16 bits, two escapes, is not YAML's: they stand as they are.
  var yaml: String {
    var text = ""
    append(to: &text, indent: 0)
    return text
  }

  private func append(to text: inout String, indent: Int) {
    let margin = String(repeating: "  ", count: indent)
    switch self {
    case .object(let members) where !members.isEmpty:
      for (key, value) in members {
        text += "\(margin)\(JSONValue.key(key)):"
        value.appendNested(to: &text, indent: indent)
      }
    case .array(let elements) where !elements.isEmpty:
      for element in elements {
        text += "\(margin)-"
        element.appendNested(to: &text, indent: indent)
      }
    default: text += "\(margin)\(scalar)\n"
    }
  }

  private func appendNested(to text: inout String, indent: Int) {
    let isNested =
      switch self {
      case .object(let members): !members.isEmpty
      case .array(let elements): !elements.isEmpty
      default: false
      }
    guard isNested else {
      text += " \(scalar)\n"
      return
    }
    text += "\n"
    append(to: &text, indent: indent + 1)
  }

  private var scalar: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let number): number.text
    case .string(let text): JSONValue.quoted(text)
    case .array: "[]"
    case .object: "{}"
    }
  }

  /// A key of letters, digits and dashes stands without quotes, as people write it.
  private static func key(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
    }
    let isWord = text.utf8.first.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    let isTaken = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(text)
    return isPlain && isWord == true && !isTaken ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: quoted += "\\\""
      case 0x5C: quoted += "\\\\"
      case 0x0A: quoted += "\\n"
      case 0x09: quoted += "\\t"
      // What YAML does not let stand, or takes for a line break.
      case ..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

import Inventory

/// What a scalar without quotes means.
///
/// YAML 1.2's core words and decimal numbers that JSON can also write. What only YAML 1.1 takes for
/// something else (`no`, `0042`, `1:30`, `2001-12-14`, `0x1f`, `1_000`) is the text that stands
/// there, so that nobody's Norwegian instance is called `false`.
enum PlainScalar {
  static func value(_ text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: return number(text).map(JSONValue.number) ?? .string(text)
    }
  }

  /// A number as JSON writes it, with a plus sign allowed before it.
  static func number(_ text: String) -> JSONNumber? {
    let digits = text.hasPrefix("+") ? String(text.dropFirst()) : text
    guard isJSONNumber(digits), text != "+\(digits)" || !digits.hasPrefix("-") else { return nil }
    return JSONNumber(jsonText: digits)
  }

  private static func isJSONNumber(_ text: String) -> Bool {
    guard text.utf8.count <= Limits.maximumJSONNumberBytes else { return false }
    var rest = Substring(text).utf8
    if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
    let whole = takeDigits(&rest)
    guard whole.count > 0, whole.count == 1 || whole.first != UInt8(ascii: "0") else {
      return false
    }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard takeDigits(&rest).count > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
      guard takeDigits(&rest).count > 0 else { return false }
    }
    return rest.isEmpty
  }

  private static func takeDigits(_ rest: inout Substring.UTF8View) -> Substring.UTF8View {
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    rest = rest.dropFirst(digits.count)
    return digits
  }
}

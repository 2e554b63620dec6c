import OrderedCollections

/// What is wrong with a text that should have been JSON.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where, counted in bytes from 0.
  public let offset: Int
  public let message: String
  public var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
  /// Reads one JSON document (RFC 8259), strictly: no trailing text, no duplicate keys, valid
  /// UTF-8, nested no deeper than ``Limits/maximumJSONDepth``.
  public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes)
    self = try parser.document()
  }

  /// Reads one JSON document from a string; see ``init(parsing:)-([UInt8])``.
  public init(parsing text: String) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8))
  }
}

struct JSONParser: ~Copyable {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw error("text after the document") }
    return value
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func error(_ message: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: position, message: message)
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= Limits.maximumJSONDepth else {
      throw error("nested deeper than \(Limits.maximumJSONDepth) levels")
    }
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error("the text ends where a value is due")
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return try number()
    default: throw error("no JSON value starts like this")
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError)
    -> JSONValue
  {
    guard startsHere(text) else { throw error("unknown word") }
    position += text.utf8CodeUnitCount
    return value
  }

  private func startsHere(_ text: StaticString) -> Bool {
    guard bytes.count - position >= text.utf8CodeUnitCount else { return false }
    return (0..<text.utf8CodeUnitCount).allSatisfy {
      unsafe bytes[position + $0] == text.utf8Start[$0]
    }
  }

  /// The text of some bytes; nil where they are not UTF-8.
  private func text(_ range: Range<Int>) -> String? {
    unsafe bytes.withUnsafeBufferPointer {
      unsafe String(validating: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self)
    }
  }

  /// Adds some bytes to others.
  private func append(_ range: Range<Int>, to collected: inout [UInt8]) {
    collected.append(contentsOf: bytes[range])
  }

  /// Goes on to the end of the string, an escape or what must be escaped.
  private mutating func skipPlain() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return }
      position += 1
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [:]
    position += 1
    skipSpace()
    if current == UInt8(ascii: "}") {
      position += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw error("a key must be a string") }
      let start = position
      let key = try string()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw error("a colon must follow the key") }
      position += 1
      let value = try value(depth: depth + 1)
      guard members.updateValue(value, forKey: key) == nil else {
        throw JSONSyntaxError(offset: start, message: "the key is there twice")
      }
      skipSpace()
      switch current {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return .object(members)
      default: throw error("a comma or } must follow the value")
      }
    }
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    var elements: [JSONValue] = []
    position += 1
    skipSpace()
    if current == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      switch current {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(elements)
      default: throw error("a comma or ] must follow the value")
      }
    }
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    let whole = position
    try digits()
    if bytes[whole] == UInt8(ascii: "0") && position - whole > 1 {
      throw error("a number must not start with 0")
    }
    if current == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    guard position - start <= Limits.maximumJSONNumberBytes,
      let number = text(start..<position).flatMap(JSONNumber.init(jsonText:))
    else { throw error("the number is out of range") }
    return .number(number)
  }

  private mutating func digits() throws(JSONSyntaxError) {
    let start = position
    while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
    guard position > start else { throw error("a digit is due") }
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    skipPlain()
    if current == UInt8(ascii: "\"") {
      guard let text = text(start..<position) else { throw error("the string is not UTF-8") }
      position += 1
      return text
    }
    return try escapedString(from: start)
  }

  private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var collected: [UInt8] = []
    append(start..<position, to: &collected)
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: collected, as: UTF8.self) else {
          throw error("the string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &collected)
      case 0..<0x20: throw error("a control character must be escaped")
      default:
        let start = position - 1
        skipPlain()
        append(start..<position, to: &collected)
      }
    }
    throw error("the string does not end")
  }

  private mutating func escape(into collected: inout [UInt8]) throws(JSONSyntaxError) {
    guard let byte = current else { throw error("the string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): collected.append(byte)
    case UInt8(ascii: "b"): collected.append(0x08)
    case UInt8(ascii: "f"): collected.append(0x0C)
    case UInt8(ascii: "n"): collected.append(0x0A)
    case UInt8(ascii: "r"): collected.append(0x0D)
    case UInt8(ascii: "t"): collected.append(0x09)
    case UInt8(ascii: "u"): collected.append(contentsOf: try unicodeEscape())
    default: throw error("unknown escape")
    }
  }

  private mutating func unicodeEscape() throws(JSONSyntaxError) -> [UInt8] {
    var code = UInt32(try hex4())
    if (0xD800..<0xDC00).contains(code) {
      guard startsHere("\\u") else {
        throw error("half of a surrogate pair")
      }
      position += 2
      let low = UInt32(try hex4())
      guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hex4() throws(JSONSyntaxError) -> UInt16 {
    var code: UInt16 = 0
    for place in position..<(position + 4) {
      guard place < bytes.count, let digit = bytes[place].hexDigit else {
        throw error("\\u needs four hexadecimal digits")
      }
      code = code << 4 | UInt16(digit)
    }
    position += 4
    return code
  }
}

extension UInt8 {
  /// Whether this is an ASCII hexadecimal digit.
  package var isHexDigit: Bool { hexDigit != nil }

  /// The value of an ASCII hexadecimal digit.
  package var hexDigit: UInt8? {
    switch self {
    case 0x30...0x39: self - 0x30
    case 0x41...0x46, 0x61...0x66: (self | 0x20) - 0x57
    default: nil
    }
  }
}

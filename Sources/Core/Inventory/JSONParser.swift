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
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }

  /// Reads one JSON document from a string; see ``init(parsing:)-([UInt8])``.
  public init(parsing text: String) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8))
  }
}

struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

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
    let word = Array(String(describing: text).utf8)
    guard bytes.dropFirst(position).starts(with: word) else { throw error("unknown word") }
    position += word.count
    return value
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
      let number = JSONNumber(jsonText: String(decoding: bytes[start..<position], as: UTF8.self))
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
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if current == UInt8(ascii: "\"") {
      let text = String(validating: bytes[start..<position], as: UTF8.self)
      guard let text else { throw error("the string is not UTF-8") }
      position += 1
      return text
    }
    return try escapedString(prefix: Array(bytes[start..<position]))
  }

  private mutating func escapedString(prefix: [UInt8]) throws(JSONSyntaxError) -> String {
    var collected = prefix
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: collected, as: UTF8.self) else {
          throw error("the string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): collected.append(contentsOf: try escape())
      case 0..<0x20: throw error("a control character must be escaped")
      default: collected.append(byte)
      }
    }
    throw error("the string does not end")
  }

  private mutating func escape() throws(JSONSyntaxError) -> [UInt8] {
    guard let byte = current else { throw error("the string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw error("unknown escape")
    }
  }

  private mutating func unicodeEscape() throws(JSONSyntaxError) -> [UInt8] {
    var code = UInt32(try hex4())
    if (0xD800..<0xDC00).contains(code) {
      guard bytes.dropFirst(position).starts(with: [0x5C, 0x75]) else {
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
    let end = position + 4
    guard end <= bytes.count, bytes[position..<end].allSatisfy(\.isHexDigit),
      let code = UInt16(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
    else { throw error("\\u needs four hexadecimal digits") }
    position = end
    return code
  }
}

extension UInt8 {
  /// Whether this is an ASCII hexadecimal digit.
  package var isHexDigit: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }
}

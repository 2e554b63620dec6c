import OrderedCollections

extension JSONValue {
  /// The document as Python's `json.dumps` writes it, which is what Nova sends: `", "` and `": "`
  /// between members, ASCII only, `/` left alone.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// ``text`` as bytes.
  public var bytes: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(512)
    append(to: &out)
    return out
  }

  private func append(to out: inout [UInt8]) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .number(let number): out.append(contentsOf: number.text.utf8)
    case .string(let text): JSONValue.append(text, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(contentsOf: ", ".utf8) }
        element.append(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      var first = true
      for (key, value) in members {
        if !first { out.append(contentsOf: ", ".utf8) }
        first = false
        JSONValue.append(key, to: &out)
        out.append(contentsOf: ": ".utf8)
        value.append(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func append(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: out.append(contentsOf: "\\\"".utf8)
      case 0x5C: out.append(contentsOf: "\\\\".utf8)
      case 0x20...0x7E: out.append(UInt8(truncatingIfNeeded: scalar.value))
      case 0x0A: out.append(contentsOf: "\\n".utf8)
      case 0x0D: out.append(contentsOf: "\\r".utf8)
      case 0x09: out.append(contentsOf: "\\t".utf8)
      case 0x08: out.append(contentsOf: "\\b".utf8)
      case 0x0C: out.append(contentsOf: "\\f".utf8)
      default: for unit in String(scalar).utf16 { appendEscape(unit, to: &out) }
      }
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(_ unit: UInt16, to out: inout [UInt8]) {
    out.append(contentsOf: "\\u".utf8)
    for shift in [12, 8, 4, 0] as [UInt16] {
      out.append(hexDigits[Int((unit >> shift) & 0xF)])
    }
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
}

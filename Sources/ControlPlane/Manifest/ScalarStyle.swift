import Inventory

/// How a string is written so that every YAML reader, also one of YAML 1.1, reads a string.
enum ScalarStyle {
  /// The string in one line: without quotes where nobody can misread it.
  static func inline(_ text: String) -> String { isPlain(text) ? text : quoted(text) }

  /// `|`, `|-` or `|+` where the text has several lines and a literal block keeps all of it.
  static func literalHeader(_ text: String) -> String? {
    guard text.utf8.contains(0x0A), let first = text.utf8.first, first != 0x20, first != 0x09,
      first != 0x0A, text.unicodeScalars.allSatisfy(isLiteral)
    else { return nil }
    let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
    // A line of nothing but blanks is read by some as an empty one.
    guard rows.allSatisfy({ row in row.isEmpty || row.contains { $0 != " " && $0 != "\t" } }) else {
      return nil
    }
    if text.hasSuffix("\n") { return text.hasSuffix("\n\n") ? "|+" : "|" }
    return "|-"
  }

  private static func isLiteral(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
      0x1_0000...0x10_FFFF:
      true
    default: false
    }
  }

  // MARK: Plain

  private static let words: Set<String> = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null",
  ]

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 1024,
      isLetter(first) || isDigit(first) || first == UInt8(ascii: "/")
        || first == UInt8(ascii: "_"),
      last != 0x20, last != UInt8(ascii: ":"), text.utf8.allSatisfy(isHarmless)
    else { return false }
    guard !text.contains(": "), !text.contains(" #"), !words.contains(text.lowercased()) else {
      return false
    }
    return !looksLikeNumber(text)
  }

  private static func isHarmless(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || " _-./:@+=()~%".utf8.contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// Anything that some reader may take for a number, a time or a date: it starts with a digit and
  /// has nothing else in it than what these have. Ids and addresses are known not to be.
  private static func looksLikeNumber(_ text: String) -> Bool {
    guard let first = text.utf8.first, isDigit(first) else { return false }
    guard text.utf8.allSatisfy({ $0.isHexDigit || "xXoO_:.+-tTzZ ".utf8.contains($0) }) else {
      return false
    }
    if InstanceID(text) != nil { return false }
    if let address = IPAddress(text), address.isIPv4 || text.contains("::") { return false }
    return true
  }

  // MARK: Quoted

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case "\r": out += "\\r"
      default:
        // The reader knows how to keep a byte order mark; an escaped one would be lost.
        if isLiteral(scalar) || scalar == "\u{FEFF}" {
          out.unicodeScalars.append(scalar)
        } else {
          out += escape(scalar.value)
        }
      }
    }
    return out + "\""
  }

  private static func escape(_ code: UInt32) -> String {
    let digits = String(code, radix: 16)
    let (letter, width) = code <= 0xFF ? ("x", 2) : code <= 0xFFFF ? ("u", 4) : ("U", 8)
    return "\\\(letter)" + String(repeating: "0", count: width - digits.count) + digits
  }
}

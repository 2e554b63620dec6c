/// Finds what must not reach the YAML parser: aliases in keys.
///
/// The parser compares keys as it reads them. A key that is a list of aliases to lists of aliases
/// would be compared element by element, and a thousand bytes would keep it busy for years. Keys
/// that are lists or maps are refused anyway, so a text that uses aliases and has something that
/// looks like such a key is not parsed at all.
enum AliasGuard {
  /// The line of the first suspicious key, counted from 1; nil where there is none.
  static func suspiciousLine(in text: String) -> Int? {
    let bytes = text.utf8
    guard bytes.contains(UInt8(ascii: "*")), bytes.contains(UInt8(ascii: "&")) else { return nil }
    let names = anchors(in: bytes)
    guard !names.isEmpty, usesAlias(of: names, in: bytes) else { return nil }
    var line = 1
    for row in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if looksLikeComplexKey(row) { return line }
      line += 1
    }
    return nil
  }

  private static func anchors(in bytes: String.UTF8View) -> Set<String> {
    words(after: UInt8(ascii: "&"), in: bytes, limit: .max) { _ in true }
  }

  private static func usesAlias(of names: Set<String>, in bytes: String.UTF8View) -> Bool {
    !words(after: UInt8(ascii: "*"), in: bytes, limit: 1, where: names.contains).isEmpty
  }

  /// The words that follow a sign at the start of a token.
  private static func words(
    after sign: UInt8, in bytes: String.UTF8View, limit: Int, where keeps: (String) -> Bool
  ) -> Set<String> {
    var found: Set<String> = []
    var previous = UInt8(ascii: "\n")
    var word: [UInt8]?
    for byte in bytes {
      if word != nil {
        if isWordByte(byte) {
          word?.append(byte)
        } else {
          if let text = word.map({ String(decoding: $0, as: UTF8.self) }), !text.isEmpty,
            keeps(text)
          {
            found.insert(text)
            if found.count >= limit { return found }
          }
          word = nil
        }
      }
      if byte == sign, !isWordByte(previous) { word = [] }
      previous = byte
    }
    if let text = word.map({ String(decoding: $0, as: UTF8.self) }), !text.isEmpty, keeps(text) {
      found.insert(text)
    }
    return found
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  /// `? …`, `…]:`, `…}:`, `*name :`, or a line that starts with `:`.
  private static func looksLikeComplexKey(_ row: Substring.UTF8View) -> Bool {
    var lastSolid: UInt8 = 0
    var previous: UInt8 = 0x20
    var isInAlias = false
    var isAfterQuestionMark = false
    for byte in row {
      let isBlank = byte == 0x20 || byte == 0x09
      if isAfterQuestionMark && isBlank { return true }
      isAfterQuestionMark = byte == UInt8(ascii: "?") && !isWordByte(previous)
      if !isBlank {
        let isAfterKey =
          lastSolid == 0 || lastSolid == UInt8(ascii: "]") || lastSolid == UInt8(ascii: "}")
        if byte == UInt8(ascii: ":"), isAfterKey || isInAlias { return true }
        if byte == UInt8(ascii: "*"), !isWordByte(previous) {
          isInAlias = true
        } else if !isWordByte(byte) {
          isInAlias = false
        }
        lastSolid = byte
      }
      previous = byte
    }
    return isAfterQuestionMark
  }
}

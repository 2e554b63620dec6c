import Glibc

/// The classes of bytes that HTTP's grammar knows, and comparisons within bytes of a request.
enum Byte {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let colon = UInt8(ascii: ":")
  static let comma = UInt8(ascii: ",")
  static let semicolon = UInt8(ascii: ";")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")

  /// RFC 9110's tchar: letters, digits and !#$%&'*+-.^_`|~.
  static func isToken(_ byte: UInt8) -> Bool {
    // One bit for each of the 128 ASCII characters: no table to load, no branch on the letter.
    let mask: UInt64 = byte < 64 ? 0x3FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
    return byte < 128 && mask >> UInt64(byte & 63) & 1 == 1
  }

  /// RFC 3986's reg-name: letters, digits, `%` and -._~!$&'()*+,;=.
  static func isRegisteredName(_ byte: UInt8) -> Bool {
    let mask: UInt64 = byte < 64 ? 0x2BFF_7FF2_0000_0000 : 0x47FF_FFFE_87FF_FFFE
    return byte < 128 && mask >> UInt64(byte & 63) & 1 == 1
  }

  /// What may stand in a field's value: no control character save the tab.
  static func isFieldValue(_ byte: UInt8) -> Bool {
    (byte >= 0x20 && byte != 0x7F) || byte == tab
  }

  /// Whether one of a word's eight bytes is below 0x20, or is 0x7F. No byte's sum reaches the next one.
  static func hasControl(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highest = ones &* 0x80
    let low = word & ~highest
    let isFrom20 = (low &+ ones &* 0x60) | word
    let is7F = (low &+ ones) & ~word
    return isFrom20 & highest != highest || is7F & highest != 0
  }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}

extension Span<UInt8> {
  /// Where the first line feed is.
  var firstLineFeed: Int? {
    unsafe withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress,
        let found = unsafe memchr(start, CInt(Byte.lineFeed), bytes.count)
      else { return nil }
      return unsafe UnsafeRawPointer(found) - start
    }
  }

  /// Whether all bytes may stand in a field's value. Eight are looked at together; only where one of them
  /// is a control character are they looked at one by one, for it may be a tab.
  var areFieldValue: Bool {
    unsafe withUnsafeBytes { bytes in
      var place = 0
      while place + 8 <= bytes.count {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        if Byte.hasControl(word) {
          for index in place..<(place + 8) {
            guard unsafe Byte.isFieldValue(bytes[index]) else { return false }
          }
        }
        place += 8
      }
      while place < bytes.count {
        guard unsafe Byte.isFieldValue(bytes[place]) else { return false }
        place += 1
      }
      return true
    }
  }

  /// Whether a range's bytes are `text`, exactly.
  func equals(_ text: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count {
      guard unsafe self[range.lowerBound + index] == text.utf8Start[index] else { return false }
    }
    return true
  }

  /// Whether a range's bytes are `text`, which is in lower case, in any case. The range must hold
  /// no control characters; the comparison takes some for signs.
  func equalsIgnoringCase(_ text: StaticString, in range: Range<Int>) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count {
      let byte = self[range.lowerBound + index] | 0x20
      guard unsafe byte == text.utf8Start[index] else { return false }
    }
    return true
  }

  /// The range without spaces and tabs at its ends.
  func trimmingBlanks(_ range: Range<Int>) -> Range<Int> {
    var lower = range.lowerBound
    var upper = range.upperBound
    while lower < upper, Byte.isBlank(self[lower]) { lower += 1 }
    while upper > lower, Byte.isBlank(self[upper - 1]) { upper -= 1 }
    return lower..<upper
  }

  /// A copy of a range's bytes.
  func bytes(in range: Range<Int>) -> [UInt8] {
    unsafe extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
  }
}

extension [UInt8] {
  mutating func append(_ bytes: Span<UInt8>, in range: Range<Int>) {
    unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}

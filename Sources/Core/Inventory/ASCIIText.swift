/// What has a text of printable ASCII without quotes and backslashes, which no format has to escape.
public protocol ASCIIText: CustomStringConvertible {
  /// Appends the text's bytes.
  func append(to bytes: inout [UInt8])
}

extension ASCIIText {
  public var description: String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(45)
    append(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Appends the lowest hexadecimal digits of a number, in lower case.
  mutating func append(hex number: some FixedWidthInteger & UnsignedInteger, digits: Int) {
    for place in (0..<digits).reversed() {
      let digit = UInt8(truncatingIfNeeded: number >> (4 * place)) & 0xF
      append(digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a"))
    }
  }

  /// Appends a number's decimal digits.
  mutating func append(decimal number: some BinaryInteger) {
    guard number >= 10 || number < 0 else {
      return append(UInt8(truncatingIfNeeded: number) + UInt8(ascii: "0"))
    }
    if number >= 0, number < 1000 {
      if number >= 100 {
        append(UInt8(truncatingIfNeeded: number / 100) + UInt8(ascii: "0"))
      }
      append(UInt8(truncatingIfNeeded: number / 10 % 10) + UInt8(ascii: "0"))
      append(UInt8(truncatingIfNeeded: number % 10) + UInt8(ascii: "0"))
    } else {
      append(contentsOf: String(number).utf8)
    }
  }

  mutating func append(_ text: StaticString) {
    unsafe append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

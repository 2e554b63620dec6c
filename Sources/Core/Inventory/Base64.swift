/// RFC 4648's base64, with padding.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static let values: [UInt8?] = {
    var values = [UInt8?](repeating: nil, count: 256)
    for (value, letter) in alphabet.enumerated() {
      values[Int(letter)] = UInt8(truncatingIfNeeded: value)
    }
    return values
  }()

  /// The two letters of each 12 bits, the first one in the low byte.
  private static let pairs: [UInt16] = (0..<4096).map { bits in
    UInt16(alphabet[bits >> 6]) | UInt16(alphabet[bits & 63]) << 8
  }

  public static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: encodedBytes(bytes), as: UTF8.self)
  }

  /// The text's bytes, for whoever needs no string of them.
  public static func encodedBytes(_ bytes: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: UInt8(ascii: "="), count: (bytes.count + 2) / 3 * 4)
    encode(bytes.span, into: &out, at: 0)
    return out
  }

  /// Writes a text over what stands in a buffer, which must have room for it.
  public static func encode(_ bytes: Span<UInt8>, into out: inout [UInt8], at offset: Int) {
    let pairs = pairs.span
    var out = out.mutableSpan
    var place = offset
    let rest = bytes.count % 3
    for start in stride(from: 0, to: bytes.count - rest, by: 3) {
      let group = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
      let (first, second) = (pairs[group >> 12], pairs[group & 4095])
      out[place] = UInt8(truncatingIfNeeded: first)
      out[place + 1] = UInt8(truncatingIfNeeded: first >> 8)
      out[place + 2] = UInt8(truncatingIfNeeded: second)
      out[place + 3] = UInt8(truncatingIfNeeded: second >> 8)
      place += 4
    }
    guard rest > 0 else { return }
    let start = bytes.count - rest
    let group = Int(bytes[start]) << 16 | (rest > 1 ? Int(bytes[start + 1]) << 8 : 0)
    let (first, second) = (pairs[group >> 12], pairs[group & 4095])
    out[place] = UInt8(truncatingIfNeeded: first)
    out[place + 1] = UInt8(truncatingIfNeeded: first >> 8)
    out[place + 2] = rest > 1 ? UInt8(truncatingIfNeeded: second) : UInt8(ascii: "=")
    out[place + 3] = UInt8(ascii: "=")
  }

  /// Nil where the text is not base64. Line breaks and spaces between the letters are skipped, as
  /// tools wrap long lines.
  public static func decode(_ text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var group: UInt32 = 0
    var letters = 0
    var padding = 0
    for byte in text.utf8 where byte != 0x0A && byte != 0x0D && byte != 0x20 {
      if byte == UInt8(ascii: "=") {
        padding += 1
        group <<= 6
      } else {
        guard padding == 0, let value = values[Int(byte)] else { return nil }
        group = group << 6 | UInt32(value)
      }
      letters += 1
      guard letters % 4 == 0 else { continue }
      guard padding <= 2 else { return nil }
      let bytes = [16, 8, 0].map { UInt8(truncatingIfNeeded: group >> $0) }
      out.append(contentsOf: bytes.dropLast(padding))
      group = 0
    }
    return letters % 4 == 0 ? out : nil
  }
}

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

  public static func encode(_ bytes: [UInt8]) -> String {
    String(decoding: encodedBytes(bytes), as: UTF8.self)
  }

  /// The text's bytes, for whoever needs no string of them.
  public static func encodedBytes(_ bytes: [UInt8]) -> [UInt8] {
    let letters = alphabet
    var out = [UInt8](repeating: UInt8(ascii: "="), count: (bytes.count + 2) / 3 * 4)
    var place = 0
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let left = bytes.count - start
      let group =
        UInt32(bytes[start]) << 16
        | (left > 1 ? UInt32(bytes[start + 1]) << 8 : 0)
        | (left > 2 ? UInt32(bytes[start + 2]) : 0)
      out[place] = letters[Int(group >> 18 & 63)]
      out[place + 1] = letters[Int(group >> 12 & 63)]
      if left > 1 { out[place + 2] = letters[Int(group >> 6 & 63)] }
      if left > 2 { out[place + 3] = letters[Int(group & 63)] }
      place += 4
    }
    return out
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

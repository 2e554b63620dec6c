import Inventory

/// Percent-encoding for the control API's own URLs.
public enum URLText {
  /// One path segment or query value, everything but unreserved letters encoded.
  public static func encode(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        out += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
      }
    }
    return out
  }

  /// Nil where a `%` is not followed by two digits or the bytes are not UTF-8.
  public static func decode(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy(\.isHexDigit),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// A path's segments, each decoded.
  public static func segments(_ path: some StringProtocol) -> [String]? {
    let parts = path.split(separator: "/").map { decode($0) }
    return parts.contains(nil) ? nil : parts.compactMap { $0 }
  }

  /// A query's values by name; of a repeated name, the last.
  public static func query(_ text: some StringProtocol) -> [String: String]? {
    var values: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let plain = parts.map { decode(String($0.map { $0 == "+" ? " " : $0 })) }
      guard let name = plain.first ?? nil else { return nil }
      guard let value = plain.count == 2 ? plain[1] : "" else { return nil }
      values[name] = value
    }
    return values
  }
}

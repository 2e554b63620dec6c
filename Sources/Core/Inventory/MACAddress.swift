/// An Ethernet address.
public struct MACAddress: Hashable, Sendable, ASCIIText {
  /// The six bytes in the lower 48 bits.
  public let bits: UInt64

  /// - Parameter bits: Of these the lower 48 count.
  public init(bits: UInt64) { self.bits = bits & 0xFFFF_FFFF_FFFF }

  /// Reads six pairs of hexadecimal digits between colons, in either case.
  public init?(_ text: String) {
    guard text.utf8.count == 17 else { return nil }
    var bits: UInt64 = 0
    for (place, letter) in text.utf8.enumerated() {
      if place % 3 == 2 {
        guard letter == UInt8(ascii: ":") else { return nil }
      } else {
        guard let digit = letter.hexDigit else { return nil }
        bits = bits << 4 | UInt64(digit)
      }
    }
    self.bits = bits
  }

  /// Lower case, between colons.
  public func append(to text: inout TextBuffer) {
    for shift in stride(from: 40 as UInt64, through: 0, by: -8) {
      if shift < 40 { text.append(UInt8(ascii: ":")) }
      text.append(hex: bits >> shift, digits: 2)
    }
  }

  /// The link-local address that a guest with this MAC gives itself (RFC 4291, appendix A: the
  /// universal bit is flipped and fffe put in the middle).
  public var linkLocalAddress: IPAddress {
    let upper = (bits >> 24) ^ 0x02_0000
    return .v6(0xFE80 << 48, upper << 40 | 0xFF_FE00_0000 | bits & 0xFF_FFFF)
  }
}

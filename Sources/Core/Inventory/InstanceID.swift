/// An instance's UUID.
public struct InstanceID: Hashable, Sendable, Comparable, ASCIIText {
  /// The upper and lower 64 bits.
  public let upper: UInt64
  public let lower: UInt64

  public init(upper: UInt64, lower: UInt64) {
    self.upper = upper
    self.lower = lower
  }

  /// Reads the form 8-4-4-4-12 in either case.
  public init?(_ text: String) {
    var text = text
    guard let id = text.withUTF8({ unsafe InstanceID(letters: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = id
  }

  /// Reads the form 8-4-4-4-12 in either case.
  public init?(_ text: ByteText) {
    guard let id = unsafe text.withUnsafeBytes({ unsafe InstanceID(letters: $0) }) else {
      return nil
    }
    self = id
  }

  private init?(letters: UnsafeRawBufferPointer) {
    guard letters.count == 36 else { return nil }
    var (upper, lower) = (UInt64(0), UInt64(0))
    for place in 0..<36 {
      let letter = unsafe letters[place]
      switch place {
      case 8, 13, 18, 23: guard letter == UInt8(ascii: "-") else { return nil }
      default:
        guard let digit = letter.hexDigit else { return nil }
        upper = upper << 4 | lower >> 60
        lower = lower << 4 | UInt64(digit)
      }
    }
    self.init(upper: upper, lower: lower)
  }

  /// A random UUID (RFC 9562, version 4).
  public static func random(using generator: inout some RandomNumberGenerator) -> InstanceID {
    InstanceID(
      upper: generator.next() & ~0xF000 | 0x4000,
      lower: generator.next() & ~(3 << 62) | 2 << 62)
  }

  /// Lower case, 8-4-4-4-12.
  public func append(to text: inout TextBuffer) {
    InstanceID.append(upper >> 32, 8, to: &text)
    InstanceID.append(upper >> 16, 4, to: &text)
    InstanceID.append(upper, 4, to: &text)
    InstanceID.append(lower >> 48, 4, to: &text)
    text.append(hex: lower, digits: 12)
  }

  private static func append(_ group: UInt64, _ digits: Int, to text: inout TextBuffer) {
    text.append(hex: group, digits: digits)
    text.append(UInt8(ascii: "-"))
  }

  /// The 32 digits without dashes.
  public var hexDigits: ByteText {
    ByteText(
      TextBuffer.bytes(capacity: 32) { text in
        text.append(hex: upper, digits: 16)
        text.append(hex: lower, digits: 16)
      })
  }

  public static func < (left: InstanceID, right: InstanceID) -> Bool {
    (left.upper, left.lower) < (right.upper, right.lower)
  }

  /// The EC2 instance ids that can stand for this UUID, in order of preference: Nova's length, and
  /// AWS' where the short one is another instance's already. Which one was taken is kept in the
  /// record, so an instance never changes its id.
  public var ec2InstanceIDCandidates: [String] {
    [8, 17].map { "i-" + hexDigits.suffix($0).string }
  }
}

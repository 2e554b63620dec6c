/// Text that is written piece by piece into room that was made for it.
///
/// An array that bytes are appended to looks after its room with each byte; here that is done once a
/// piece.
public struct TextBuffer {
  private var room: [UInt8]
  private var count = 0

  /// - Parameter capacity: How many bytes there will be, about.
  init(capacity: Int) { room = TextBuffer.room(max(16, capacity)) }

  /// Nothing is read of it before it is written.
  private static func room(_ length: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: length) { _, count in count = length }
  }

  /// What was written.
  consuming func finished() -> [UInt8] {
    room.removeLast(room.count - count)
    return room
  }

  /// Lends room for so many bytes, all of which must be written.
  private mutating func write(_ length: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    let end = count + length
    if end > room.count {
      room.append(contentsOf: TextBuffer.room(max(room.count, length)))
    }
    let start = count
    unsafe room.withUnsafeMutableBytes {
      unsafe body(UnsafeMutableRawBufferPointer(rebasing: $0[start..<end]))
    }
    count = end
  }

  mutating func append(_ byte: UInt8) {
    unsafe write(1) { unsafe $0[0] = byte }
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    unsafe write(bytes.count) { unsafe $0.copyMemory(from: bytes) }
  }

  /// Appends bytes with others around them.
  mutating func append(
    _ bytes: UnsafeRawBufferPointer, behind front: StaticString, before back: StaticString
  ) {
    let start = front.utf8CodeUnitCount
    let end = start + bytes.count
    unsafe write(end + back.utf8CodeUnitCount) { room in
      unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: front.utf8Start, count: start))
      unsafe UnsafeMutableRawBufferPointer(rebasing: room[start...]).copyMemory(from: bytes)
      unsafe UnsafeMutableRawBufferPointer(rebasing: room[end...])
        .copyMemory(
          from: UnsafeRawBufferPointer(start: back.utf8Start, count: back.utf8CodeUnitCount))
    }
  }

  mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append($0) }
  }

  mutating func append(_ text: ByteText) {
    unsafe text.withUnsafeBytes { unsafe append($0) }
  }

  mutating func append(_ text: StaticString) {
    unsafe append(
      UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(_ text: String) {
    let isWritten: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe append(UnsafeRawBufferPointer($0))
    }
    if isWritten == nil { append(Array(text.utf8)) }
  }

  /// Appends the lowest hexadecimal digits of a number, in lower case.
  /// - Parameter digits: Up to 16.
  mutating func append(hex number: some FixedWidthInteger & UnsignedInteger, digits: Int) {
    let number = UInt64(truncatingIfNeeded: number)
    let letters = (
      TextBuffer.hexLetters(of: number >> 32).bigEndian, TextBuffer.hexLetters(of: number).bigEndian
    )
    unsafe withUnsafeBytes(of: letters) {
      unsafe append(UnsafeRawBufferPointer(rebasing: $0.suffix(digits)))
    }
  }

  /// The letters for the lowest eight hexadecimal digits, a byte each, the last digit's in the lowest
  /// byte. They are found together.
  private static func hexLetters(of number: UInt64) -> UInt64 {
    var digits = number & 0xFFFF_FFFF
    digits = (digits << 16 | digits) & 0x0000_FFFF_0000_FFFF
    digits = (digits << 8 | digits) & 0x00FF_00FF_00FF_00FF
    digits = (digits << 4 | digits) & 0x0F0F_0F0F_0F0F_0F0F
    let ones: UInt64 = 0x0101_0101_0101_0101
    let isLetter = ((digits &+ ones &* 6) >> 4) & ones
    return digits &+ ones &* 0x30 &+ isLetter &* 0x27
  }

  /// Appends a number's decimal digits.
  mutating func append(decimal number: some FixedWidthInteger) {
    guard number >= 0, number < 10 else { return append(String(number)) }
    append(UInt8(truncatingIfNeeded: number) + UInt8(ascii: "0"))
  }
}

/// What has a text of printable ASCII without quotes and backslashes, which no format has to escape.
public protocol ASCIIText: CustomStringConvertible {
  /// Appends the text.
  func append(to text: inout TextBuffer)
}

extension ASCIIText {
  public var description: String { ByteText(self).string }
}

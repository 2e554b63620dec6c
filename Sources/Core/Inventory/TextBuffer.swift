/// Text that is written piece by piece into room that was made for it.
///
/// An array that bytes are appended to looks after its room and its owner with each of them; here one
/// look at the room does for a whole piece.
@safe public struct TextBuffer: ~Copyable {
  private var start: UnsafeMutableRawPointer
  /// Where the next piece goes.
  private var place: UnsafeMutableRawPointer
  private var end: UnsafeMutableRawPointer
  /// Whether the room is the buffer's own, and not that of an array that is being made.
  private var isOwn = false

  /// - Parameter room: There for as long as the buffer is.
  private init(
    lent room: UnsafeMutableBufferPointer<UInt8>, from start: UnsafeMutablePointer<UInt8>
  ) {
    unsafe self.start = UnsafeMutableRawPointer(start)
    unsafe place = self.start
    unsafe end = self.start + room.count
  }

  deinit { if isOwn { unsafe start.deallocate() } }

  /// What is written into a buffer.
  /// - Parameter capacity: How many bytes there will be, about. The array keeps so much room.
  static func bytes(capacity: Int, _ write: (inout TextBuffer) -> Void) -> [UInt8] {
    var bytes: [UInt8] = []
    var outgrown: [UInt8]?
    bytes.append(addingCapacity: max(16, capacity)) { span in
      unsafe span.withUnsafeMutableBufferPointer { room, count in
        guard let start = room.baseAddress else { return }
        var text = unsafe TextBuffer(lent: room, from: start)
        write(&text)
        if text.isOwn { outgrown = text.copy } else { count = text.count }
      }
    }
    return outgrown ?? bytes
  }

  private var count: Int { unsafe place - start }

  private var copy: [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// Sees to it that there is room for so many bytes behind what is written.
  @inline(__always)
  private mutating func reserve(_ length: Int) {
    if unsafe length > end - place { grow(by: length) }
  }

  @inline(never)
  private mutating func grow(by length: Int) {
    let count = count
    let capacity = unsafe max(2 * (end - start), count + length)
    let room = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    unsafe room.copyMemory(from: start, byteCount: count)
    if isOwn { unsafe start.deallocate() }
    unsafe (start, place, end) = (room, room + count, room + capacity)
    isOwn = true
  }

  /// Writes a piece that there is room for.
  @inline(__always)
  private mutating func write(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.baseAddress else { return }
    unsafe place.copyMemory(from: first, byteCount: bytes.count)
    unsafe place += bytes.count
  }

  // MARK: Pieces

  mutating func append(_ byte: UInt8) {
    reserve(1)
    unsafe place.storeBytes(of: byte, as: UInt8.self)
    unsafe place += 1
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count)
    unsafe write(bytes)
  }

  /// Appends bytes with others around them.
  @inline(__always)
  mutating func append(
    _ front: StaticString, _ bytes: UnsafeRawBufferPointer, _ back: StaticString
  ) {
    reserve(front.utf8CodeUnitCount + bytes.count + back.utf8CodeUnitCount)
    unsafe write(front.bytes)
    unsafe write(bytes)
    unsafe write(back.bytes)
  }

  /// Appends two texts' bytes with others around them.
  @inline(__always)
  mutating func append(
    _ front: StaticString, _ first: UnsafeRawBufferPointer, _ middle: StaticString,
    _ second: UnsafeRawBufferPointer, _ back: StaticString
  ) {
    let around = front.utf8CodeUnitCount + middle.utf8CodeUnitCount + back.utf8CodeUnitCount
    reserve(around + first.count + second.count)
    unsafe write(front.bytes)
    unsafe write(first)
    unsafe write(middle.bytes)
    unsafe write(second)
    unsafe write(back.bytes)
  }

  mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append($0) }
  }

  mutating func append(_ text: ByteText) {
    unsafe text.withUnsafeBytes { unsafe append($0) }
  }

  @inline(__always)
  mutating func append(literal text: StaticString) { unsafe append(text.bytes) }

  mutating func append(_ text: String) {
    let isWritten: Void? = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe append(UnsafeRawBufferPointer($0))
    }
    if isWritten == nil { append(Array(text.utf8)) }
  }

  // MARK: Numbers

  /// Appends the lowest hexadecimal digits of a number, in lower case.
  /// - Parameter digits: Up to 16.
  mutating func append(hex number: some FixedWidthInteger & UnsignedInteger, digits: Int) {
    let number = UInt64(truncatingIfNeeded: number)
    let word = MemoryLayout<UInt64>.size
    if digits > word { append(hex: number >> 32, digits: digits - word) }
    let digits = min(digits, word)
    // Eight letters are written, and those behind the digits' will be written over.
    reserve(word)
    let letters = TextBuffer.hexLetters(of: number).byteSwapped >> UInt64((word - digits) * 8)
    unsafe place.storeBytes(of: letters.littleEndian, as: UInt64.self)
    unsafe place += digits
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

extension StaticString {
  /// A literal's bytes.
  @inline(__always)
  var bytes: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
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

/// Text that is written piece by piece into room that was made for it.
///
/// An array that bytes are appended to looks after its room with each byte; here that is done once for
/// pieces that come together.
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

  /// Writes pieces one after another into room that there is. What does not fit is left out.
  @safe struct Pen {
    private let room: UnsafeMutableRawBufferPointer
    fileprivate var place: Int

    fileprivate init(_ room: UnsafeMutableRawBufferPointer, at place: Int) {
      unsafe self.room = unsafe room
      self.place = place
    }

    mutating func put(_ byte: UInt8) {
      guard place < (unsafe room.count) else { return }
      unsafe room[place] = byte
      place += 1
    }

    mutating func put(_ bytes: UnsafeRawBufferPointer) {
      guard unsafe bytes.count <= room.count - place else { return }
      unsafe UnsafeMutableRawBufferPointer(rebasing: room[place...]).copyMemory(from: bytes)
      place += bytes.count
    }

    mutating func put(_ text: StaticString) {
      unsafe put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
  }

  /// Has pieces written.
  /// - Parameter length: How many bytes they have together, or more.
  @inline(__always)
  mutating func write(_ length: Int, _ pieces: (inout Pen) -> Void) {
    if length > room.count - count {
      room.append(contentsOf: TextBuffer.room(max(room.count, length)))
    }
    count = unsafe room.withUnsafeMutableBytes {
      var pen = unsafe Pen($0, at: count)
      pieces(&pen)
      return pen.place
    }
  }

  mutating func append(_ byte: UInt8) { write(1) { $0.put(byte) } }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    write(bytes.count) { unsafe $0.put(bytes) }
  }

  mutating func append(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { unsafe append($0) }
  }

  mutating func append(_ text: ByteText) {
    unsafe text.withUnsafeBytes { unsafe append($0) }
  }

  mutating func append(_ text: StaticString) { write(text.utf8CodeUnitCount) { $0.put(text) } }

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
    let upper = TextBuffer.hexLetters(of: number >> 32)
    let lower = TextBuffer.hexLetters(of: number)
    write(digits) { pen in
      for place in (0..<digits).reversed() {
        let letters = place < 8 ? lower : upper
        pen.put(UInt8(truncatingIfNeeded: letters >> UInt64(8 * (place & 7))))
      }
    }
  }

  /// The letters for the lowest eight hexadecimal digits, a byte each. They are found together.
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

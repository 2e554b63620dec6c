/// A message of the kernel's about routes and neighbours (rtnetlink), taken apart within the bytes
/// that are there. What does not fit is not read.
struct RouteMessage: Hashable {
  /// What it is of linux/rtnetlink.h's RTM_ and linux/netlink.h's NLMSG_.
  let type: Int
  /// The question that it answers.
  let sequence: UInt32
  let payload: ArraySlice<UInt8>

  static let headerBytes = 16

  /// The messages of one read; it ends at the first that is not whole.
  static func all(in bytes: ArraySlice<UInt8>) -> [RouteMessage] {
    var messages: [RouteMessage] = []
    var rest = bytes
    while let length = rest.word(at: 0).flatMap({ Int(exactly: $0) }),
      length >= headerBytes, length <= rest.count,
      let type = rest.half(at: 4), let sequence = rest.word(at: 8)
    {
      messages.append(
        RouteMessage(
          type: Int(type), sequence: sequence, payload: rest.prefix(length).dropFirst(headerBytes)))
      rest = rest.dropFirst(RouteMessage.aligned(length))
    }
    return messages
  }

  /// The attributes after a fixed part of so many bytes, by number; of two with one number the last.
  func attributes(after fixed: Int) -> [Int: ArraySlice<UInt8>] {
    var attributes: [Int: ArraySlice<UInt8>] = [:]
    var rest = payload.dropFirst(fixed)
    while let length = rest.half(at: 0).map({ Int($0) }), length >= 4, length <= rest.count,
      let type = rest.half(at: 2)
    {
      // The two highest bits say how the value is written.
      attributes[Int(type & 0x3FFF)] = rest.prefix(length).dropFirst(4)
      rest = rest.dropFirst(RouteMessage.aligned(length))
    }
    return attributes
  }

  static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
}

extension ArraySlice<UInt8> {
  /// Two bytes from an offset on, as a number in the host's byte order; nil beyond the end.
  func half(at offset: Int) -> UInt16? {
    guard offset >= 0, count >= 2, offset <= count - 2 else { return nil }
    let lower = self[startIndex + offset]
    let upper = self[startIndex + offset + 1]
    return UInt16(littleEndian: UInt16(upper) << 8 | UInt16(lower))
  }

  /// Four bytes, as ``half(at:)``.
  func word(at offset: Int) -> UInt32? {
    guard offset >= 0, count >= 4, offset <= count - 4 else { return nil }
    let number = (0..<4).reversed().reduce(UInt32(0)) {
      $0 << 8 | UInt32(self[startIndex + offset + $1])
    }
    return UInt32(littleEndian: number)
  }
}

/// A message to the kernel.
struct RouteMessageWriter {
  private(set) var bytes: [UInt8]

  /// - Parameter fixed: What stands before the attributes.
  init(type: Int, flags: UInt16, sequence: UInt32, fixed: [UInt8]) {
    bytes = []
    append(UInt32(0))
    append(UInt16(truncatingIfNeeded: type))
    append(flags)
    append(sequence)
    // The sender, which the kernel knows.
    append(UInt32(0))
    bytes += fixed
    finish()
  }

  mutating func put(_ attribute: Int, _ value: [UInt8]) {
    append(UInt16(truncatingIfNeeded: 4 + value.count))
    append(UInt16(truncatingIfNeeded: attribute))
    bytes += value
    bytes += repeatElement(0, count: RouteMessage.aligned(value.count) - value.count)
    finish()
  }

  static func host(_ number: some FixedWidthInteger) -> [UInt8] {
    unsafe withUnsafeBytes(of: number) { bytes in unsafe Array(bytes) }
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    bytes += RouteMessageWriter.host(number)
  }

  private mutating func finish() {
    bytes.replaceSubrange(
      0..<4, with: RouteMessageWriter.host(UInt32(truncatingIfNeeded: bytes.count)))
  }
}

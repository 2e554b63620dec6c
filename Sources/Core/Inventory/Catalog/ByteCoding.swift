/// Writes values one after another, as few bytes as they need. ``ByteReader`` reads them in the same
/// order.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int) { bytes.reserveCapacity(capacity) }

  /// Seven bits a byte, the lowest first.
  mutating func put(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func put(_ count: Int) { put(UInt64(clamping: count)) }

  mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  mutating func put(_ text: String) {
    put(text.utf8.count)
    put(raw: text.utf8)
  }

  mutating func put(_ blob: [UInt8]) {
    put(blob.count)
    put(raw: blob)
  }

  mutating func put(_ text: String?) {
    guard let text else { return put(0 as UInt64) }
    put(text.utf8.count + 1)
    put(raw: text.utf8)
  }

  /// Bytes whose number the reader has otherwise.
  mutating func put(raw bytes: some Collection<UInt8>) { self.bytes.append(contentsOf: bytes) }

  mutating func put<Value>(_ value: Value?, _ put: (inout ByteWriter, Value) -> Void) {
    self.put(value != nil)
    if let value { put(&self, value) }
  }

  mutating func put<Element>(
    list: some Collection<Element>, _ put: (inout ByteWriter, Element) -> Void
  ) {
    self.put(list.count)
    for element in list { put(&self, element) }
  }

  mutating func put(_ address: IPAddress) {
    switch address {
    case .v4(let bits):
      bytes.append(4)
      put(UInt64(bits))
    case .v6(let upper, let lower):
      bytes.append(6)
      put(upper)
      put(lower)
    }
  }
}

/// Reads what ``ByteWriter`` has written. It believes nothing: bytes that are not of its making are an
/// error.
struct ByteReader: ~Copyable {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  /// The bytes are not what a writer has written.
  struct Malformed: Error {}

  /// Reads a part of some bytes.
  init(_ bytes: [UInt8], in range: Range<Int>) {
    self.bytes = bytes
    position = range.clamped(to: bytes.indices).lowerBound
    end = range.clamped(to: bytes.indices).upperBound
  }

  mutating func byte() throws(Malformed) -> UInt8 {
    guard position < end else { throw Malformed() }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func number() throws(Malformed) -> UInt64 {
    var number: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      let byte = try byte()
      number |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte & 0x80 == 0 { return number }
    }
    throw Malformed()
  }

  /// How many bytes or elements follow; each has at least one byte.
  mutating func count() throws(Malformed) -> Int {
    let number = try number()
    guard number <= UInt64(end - position) else { throw Malformed() }
    return Int(number)
  }

  mutating func flag() throws(Malformed) -> Bool { try byte() != 0 }

  mutating func text() throws(Malformed) -> ByteText { text(count: try count()) }

  mutating func textIfAny() throws(Malformed) -> ByteText? {
    let number = try number()
    guard number > 0 else { return nil }
    guard number - 1 <= UInt64(end - position) else { throw Malformed() }
    return text(count: Int(number - 1))
  }

  private mutating func text(count: Int) -> ByteText {
    defer { position += count }
    return ByteText(bytes, in: position..<(position + count))
  }

  mutating func blob() throws(Malformed) -> [UInt8] {
    let count = try count()
    defer { position += count }
    return Array(bytes[position..<(position + count)])
  }

  /// All bytes that are left.
  mutating func rest() -> [UInt8] {
    defer { position = end }
    return Array(bytes[position..<end])
  }

  mutating func address() throws(Malformed) -> IPAddress {
    switch try byte() {
    case 4: .v4(UInt32(truncatingIfNeeded: try number()))
    case 6: .v6(try number(), try number())
    default: throw Malformed()
    }
  }

  mutating func list<Element>(
    _ read: (inout ByteReader) throws(Malformed) -> Element
  ) throws(Malformed) -> [Element] {
    let count = try count()
    guard count > 0 else { return [] }
    var list: [Element] = []
    list.reserveCapacity(count)
    for _ in 0..<count { list.append(try read(&self)) }
    return list
  }

  mutating func ifAny<Value>(
    _ read: (inout ByteReader) throws(Malformed) -> Value
  ) throws(Malformed) -> Value? {
    try flag() ? try read(&self) : nil
  }

  mutating func word<Word: RawRepresentable<String>>() throws(Malformed) -> Word {
    guard let word = Word(rawValue: try text().string) else { throw Malformed() }
    return word
  }

  mutating func wordIfAny<Word: RawRepresentable<String>>() throws(Malformed) -> Word? {
    guard let text = try textIfAny() else { return nil }
    guard let word = Word(rawValue: text.string) else { throw Malformed() }
    return word
  }
}

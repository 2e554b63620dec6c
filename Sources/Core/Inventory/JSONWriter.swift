import OrderedCollections

/// Writes a JSON document as Python's `json.dumps` does, which is what Nova sends: `", "` and `": "`
/// between members, ASCII only, `/` left alone.
///
/// A document that guests ask for by the thousand is written through this as it is made; one that is
/// handed on as a value has ``JSONValue/bytes``, which are written through it too.
public struct JSONWriter: ~Copyable {
  private var text: TextBuffer
  /// Whether a value stands before the place that is written next.
  private var followsValue = false

  private init(into text: consuming TextBuffer) { self.text = text }

  private consuming func finished() -> TextBuffer { text }

  /// A document's bytes.
  /// - Parameters:
  ///   - capacity: How many bytes it has, about.
  ///   - write: Writes it, as one value.
  public static func bytes(capacity: Int = 512, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
    TextBuffer.bytes(capacity: capacity) { text in
      var json = JSONWriter(into: text)
      write(&json)
      text = json.finished()
    }
  }

  // MARK: Maps and lists

  /// - Parameter members: Writes them, each a key and a value.
  public mutating func object(_ members: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "{"))
    members(&self)
    close(UInt8(ascii: "}"))
  }

  /// - Parameter elements: Writes them.
  public mutating func array(_ elements: (inout JSONWriter) -> Void) {
    open(UInt8(ascii: "["))
    elements(&self)
    close(UInt8(ascii: "]"))
  }

  /// A member's key; its value is what is put next.
  /// - Parameter key: Of letters that need no escape.
  public mutating func key(_ key: StaticString) {
    separate()
    unsafe text.append("\"", key.bytes, "\": ")
    followsValue = false
  }

  public mutating func key(_ key: String) {
    put(key)
    colon()
  }

  private mutating func colon() {
    text.append(literal: ": ")
    followsValue = false
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    text.append(bracket)
    followsValue = false
  }

  private mutating func close(_ bracket: UInt8) {
    text.append(bracket)
    followsValue = true
  }

  @inline(__always)
  private mutating func separate() {
    if followsValue { text.append(literal: ", ") }
    followsValue = true
  }

  // MARK: Members

  /// A member that is a text, or null.
  public mutating func put(_ key: StaticString, _ text: String?) {
    self.key(key)
    if let text { put(text) } else { putNull() }
  }

  /// A member that is a text, or null.
  public mutating func put(_ key: StaticString, _ text: ByteText?) {
    guard let text else { return putNull(key) }
    let isPut = unsafe text.withUnsafeBytes { bytes in
      guard unsafe JSONWriter.arePlain(bytes) else { return false }
      unsafe put(plain: key.bytes, bytes)
      return true
    }
    guard !isPut else { return }
    self.key(key)
    put(text)
  }

  /// A member of which the key is an operator's word too.
  public mutating func put(named key: ByteText, _ text: ByteText) {
    let isPut = unsafe key.withUnsafeBytes { key in
      unsafe text.withUnsafeBytes { bytes in
        guard unsafe JSONWriter.arePlain(key) && JSONWriter.arePlain(bytes) else { return false }
        unsafe put(plain: key, bytes)
        return true
      }
    }
    guard !isPut else { return }
    put(key)
    colon()
    put(text)
  }

  /// A member of which neither part needs an escape.
  private mutating func put(plain key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    separate()
    unsafe text.append("\"", key, "\": \"", value, "\"")
  }

  public mutating func put(_ key: StaticString, _ text: some ASCIIText) {
    self.key(key)
    put(text)
  }

  public mutating func putNull(_ key: StaticString) {
    self.key(key)
    putNull()
  }

  public mutating func put(_ key: StaticString, _ number: Int) {
    self.key(key)
    put(number)
  }

  public mutating func put(_ key: StaticString, object members: (inout JSONWriter) -> Void) {
    self.key(key)
    object(members)
  }

  public mutating func put(_ key: StaticString, array elements: (inout JSONWriter) -> Void) {
    self.key(key)
    array(elements)
  }

  // MARK: Values

  public mutating func putNull() {
    separate()
    text.append(literal: "null")
  }

  public mutating func put(_ flag: Bool) {
    separate()
    text.append(literal: flag ? "true" : "false")
  }

  public mutating func put(_ number: Int) {
    separate()
    text.append(decimal: number)
  }

  public mutating func put(_ value: some ASCIIText) {
    separate()
    text.append(UInt8(ascii: "\""))
    value.append(to: &text)
    text.append(UInt8(ascii: "\""))
  }

  public mutating func put(_ text: String) {
    let isPut = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe put(plain: UnsafeRawBufferPointer($0))
    }
    if isPut != true { put(escaping: text) }
  }

  public mutating func put(_ text: ByteText) {
    let isPut = unsafe text.withUnsafeBytes { unsafe put(plain: $0) }
    if !isPut { put(escaping: text.string) }
  }

  /// - Returns: False where there are letters that need an escape; nothing is written then.
  private mutating func put(plain bytes: UnsafeRawBufferPointer) -> Bool {
    guard unsafe JSONWriter.arePlain(bytes) else { return false }
    unsafe put(letters: bytes)
    return true
  }

  private mutating func put(letters: UnsafeRawBufferPointer) {
    separate()
    unsafe text.append("\"", letters, "\"")
  }

  private mutating func put(escaping text: String) {
    separate()
    self.text.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars { append(scalar) }
    self.text.append(UInt8(ascii: "\""))
  }

  /// Letters that need no escape, such as base64's.
  public mutating func put(letters: [UInt8]) {
    unsafe letters.withUnsafeBytes { unsafe put(letters: $0) }
  }

  public mutating func put(_ value: JSONValue) {
    switch value {
    case .null: putNull()
    case .bool(let flag): put(flag)
    case .number(let number):
      separate()
      text.append(number.text)
    case .string(let text): put(text)
    case .array(let elements): array { json in for element in elements { json.put(element) } }
    case .object(let members):
      object { json in
        for (key, value) in members {
          json.key(key)
          json.put(value)
        }
      }
    }
  }

  // MARK: Letters

  private typealias Bytes = SIMD16<UInt8>

  /// Whether no byte needs an escape. Sixteen are looked at together.
  private static func arePlain(_ text: UnsafeRawBufferPointer) -> Bool {
    let size = MemoryLayout<Bytes>.size
    guard text.count >= size else { return unsafe isNone(marks(in: few(text))) }
    // The last sixteen may begin in those before.
    let last = text.count - size
    var marks = unsafe marks(in: text.loadUnaligned(fromByteOffset: last, as: Bytes.self))
    var place = 0
    while place < last {
      marks .|= unsafe self.marks(in: text.loadUnaligned(fromByteOffset: place, as: Bytes.self))
      place += size
    }
    return isNone(marks)
  }

  /// Fewer than sixteen bytes, some of them twice, and blanks.
  private static func few(_ text: UnsafeRawBufferPointer) -> Bytes {
    let count = text.count
    var halves = SIMD2<UInt64>(repeating: 0x2020_2020_2020_2020)
    if count >= 8 {
      halves.x = unsafe text.loadUnaligned(as: UInt64.self)
      halves.y = unsafe text.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    } else if count >= 4 {
      let ends = unsafe (
        text.loadUnaligned(as: UInt32.self),
        text.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
      )
      halves.x = UInt64(ends.0) << 32 | UInt64(ends.1)
    } else {
      for place in 0..<count { halves.x = halves.x << 8 | UInt64(unsafe text[place]) }
    }
    return unsafe unsafeBitCast(halves, to: Bytes.self)
  }

  /// Those bytes that are not from 0x20 to 0x7E, or a quote or a backslash.
  private static func marks(in bytes: Bytes) -> SIMDMask<SIMD16<Int8>> {
    // Each of these is one instruction; what compares with a number instead is a loop.
    (bytes &- Bytes(repeating: 0x20) .> Bytes(repeating: 0x7E - 0x20))
      .| (bytes .== Bytes(repeating: UInt8(ascii: "\"")))
      .| (bytes .== Bytes(repeating: UInt8(ascii: "\\")))
  }

  private static func isNone(_ marks: SIMDMask<SIMD16<Int8>>) -> Bool {
    let halves = unsafe unsafeBitCast(marks, to: SIMD2<UInt64>.self)
    return halves.x | halves.y == 0
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: text.append(literal: "\\\"")
    case 0x5C: text.append(literal: "\\\\")
    case 0x20...0x7E: text.append(UInt8(truncatingIfNeeded: scalar.value))
    case 0x0A: text.append(literal: "\\n")
    case 0x0D: text.append(literal: "\\r")
    case 0x09: text.append(literal: "\\t")
    case 0x08: text.append(literal: "\\b")
    case 0x0C: text.append(literal: "\\f")
    default:
      for unit in scalar.utf16 {
        text.append(literal: "\\u")
        text.append(hex: unit, digits: 4)
      }
    }
  }
}

extension JSONValue {
  /// The document as ``JSONWriter`` writes it.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// ``text`` as bytes.
  public var bytes: [UInt8] {
    JSONWriter.bytes { $0.put(self) }
  }
}

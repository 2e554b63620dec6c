import OrderedCollections

/// Writes a JSON document as Python's `json.dumps` does, which is what Nova sends: `", "` and `": "`
/// between members, ASCII only, `/` left alone.
///
/// A document that guests ask for by the thousand is written through this as it is made; one that is
/// handed on as a value has ``JSONValue/bytes``, which are written through it too.
public struct JSONWriter {
  private var text: TextBuffer
  /// Whether a value stands before the place that is written next.
  private var followsValue = false

  /// - Parameter capacity: How many bytes the document has, about.
  public init(capacity: Int = 512) { text = TextBuffer(capacity: capacity) }

  /// The document.
  public consuming func finished() -> [UInt8] { text.finished() }

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
    put(key: key, before: "\": ")
    followsValue = false
  }

  public mutating func key(_ key: String) {
    put(key)
    colon()
  }

  public mutating func key(_ key: ByteText) {
    put(key)
    colon()
  }

  private mutating func put(key: StaticString, before rest: StaticString) {
    unsafe text.append(
      UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount),
      behind: followsValue ? ", \"" : "\"", before: rest)
  }

  private mutating func colon() {
    text.append(": ")
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

  private mutating func separate() {
    if followsValue { text.append(", ") }
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
    let isPut = unsafe text?.withUnsafeBytes { bytes in
      guard unsafe JSONWriter.arePlain(bytes) else { return false }
      put(key: key, before: "\": \"")
      unsafe self.text.append(bytes, behind: "", before: "\"")
      followsValue = true
      return true
    }
    guard isPut != true else { return }
    self.key(key)
    if let text { put(text) } else { putNull() }
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
    text.append("null")
  }

  public mutating func put(_ flag: Bool) {
    separate()
    text.append(flag ? "true" : "false" as StaticString)
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
    separate()
    unsafe text.append(bytes, behind: "\"", before: "\"")
    return true
  }

  private mutating func put(escaping text: String) {
    separate()
    self.text.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars { append(scalar) }
    self.text.append(UInt8(ascii: "\""))
  }

  /// Letters that need no escape, such as base64's.
  public mutating func put(letters: [UInt8]) {
    separate()
    unsafe letters.withUnsafeBytes { letters in
      unsafe text.append(letters, behind: "\"", before: "\"")
    }
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

  /// Whether no byte needs an escape. Eight are looked at together.
  private static func arePlain(_ text: UnsafeRawBufferPointer) -> Bool {
    let size = MemoryLayout<UInt64>.size
    guard text.count >= size else {
      // What is missing of a word is as good as a blank.
      var word = spaces
      for place in 0..<text.count { word = word << 8 | UInt64(unsafe text[place]) }
      return marks(in: word) & high == 0
    }
    // The last word may begin in the one before.
    let last = text.count - size
    var marks = unsafe marks(in: text.loadUnaligned(fromByteOffset: last, as: UInt64.self))
    var place = 0
    while place < last {
      marks |= unsafe self.marks(in: text.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      place += size
    }
    return marks & high == 0
  }

  private static let ones: UInt64 = 0x0101_0101_0101_0101
  private static let high = ones &* 0x80
  private static let spaces = ones &* 0x20

  /// The highest bit of a byte is set where it is not from 0x20 to 0x7E, or a quote or a backslash;
  /// the other bits mean nothing. A byte without it cannot carry into the next.
  private static func marks(in word: UInt64) -> UInt64 {
    let low = word & ~high
    let isNoControl = (word | high) &- spaces
    let isDelete = low &+ ones
    let isNoQuote = ((word ^ ones &* 0x22) & ~high) &+ ones &* 0x7F
    let isNoBackslash = ((word ^ ones &* 0x5C) & ~high) &+ ones &* 0x7F
    return word | isDelete | ~(isNoControl & isNoQuote & isNoBackslash)
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: text.append("\\\"")
    case 0x5C: text.append("\\\\")
    case 0x20...0x7E: text.append(UInt8(truncatingIfNeeded: scalar.value))
    case 0x0A: text.append("\\n")
    case 0x0D: text.append("\\r")
    case 0x09: text.append("\\t")
    case 0x08: text.append("\\b")
    case 0x0C: text.append("\\f")
    default:
      for unit in scalar.utf16 {
        text.append("\\u")
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
    var json = JSONWriter()
    json.put(self)
    return json.finished()
  }
}

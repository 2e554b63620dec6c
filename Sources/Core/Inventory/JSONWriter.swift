import OrderedCollections

/// Writes a JSON document as Python's `json.dumps` does, which is what Nova sends: `", "` and `": "`
/// between members, ASCII only, `/` left alone.
///
/// A document that guests ask for by the thousand is written through this as it is made; one that is
/// handed on as a value has ``JSONValue/bytes``, which are written through it too.
public struct JSONWriter {
  public private(set) var bytes: [UInt8] = []
  /// Whether a value stands before the place that is written next.
  private var followsValue = false

  public init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

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
    bytes.append(UInt8(ascii: "\""))
    bytes.append(key)
    bytes.append("\": ")
    followsValue = false
  }

  public mutating func key(_ key: String) {
    put(key)
    bytes.append(": ")
    followsValue = false
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    followsValue = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    followsValue = true
  }

  private mutating func separate() {
    if followsValue { bytes.append(", ") }
    followsValue = true
  }

  // MARK: Members

  /// A member that is a text, or null.
  public mutating func put(_ key: StaticString, _ text: String?) {
    self.key(key)
    if let text { put(text) } else { putNull() }
  }

  public mutating func put(_ key: StaticString, _ text: some ASCIIText) {
    self.key(key)
    put(text)
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
    bytes.append("null")
  }

  public mutating func put(_ flag: Bool) {
    separate()
    bytes.append(flag ? "true" : "false" as StaticString)
  }

  public mutating func put(_ number: Int) {
    separate()
    bytes.append(decimal: number)
  }

  public mutating func put(_ text: some ASCIIText) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    text.append(to: &bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  public mutating func put(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    let isPlain = unsafe text.utf8.withContiguousStorageIfAvailable { text in
      guard unsafe JSONWriter.arePlain(text) else { return false }
      unsafe bytes.append(contentsOf: text)
      return true
    }
    if isPlain != true {
      for scalar in text.unicodeScalars { append(scalar) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Letters that need no escape, such as base64's.
  public mutating func put(letters: [UInt8]) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    bytes.append(contentsOf: letters)
    bytes.append(UInt8(ascii: "\""))
  }

  public mutating func put(_ value: JSONValue) {
    switch value {
    case .null: putNull()
    case .bool(let flag): put(flag)
    case .number(let number):
      separate()
      bytes.append(contentsOf: number.text.utf8)
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

  /// Whether no byte needs an escape. All are looked at, so that many are at once.
  private static func arePlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var others: UInt8 = 0
    for index in text.indices {
      let byte = unsafe text[index]
      let isPlain = byte >= 0x20 && byte <= 0x7E && byte != 0x22 && byte != 0x5C
      others |= isPlain ? 0 : 1
    }
    return others == 0
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: bytes.append("\\\"")
    case 0x5C: bytes.append("\\\\")
    case 0x20...0x7E: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
    case 0x0A: bytes.append("\\n")
    case 0x0D: bytes.append("\\r")
    case 0x09: bytes.append("\\t")
    case 0x08: bytes.append("\\b")
    case 0x0C: bytes.append("\\f")
    default:
      for unit in scalar.utf16 {
        bytes.append("\\u")
        bytes.append(hex: unit, digits: 4)
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
    return json.bytes
  }
}

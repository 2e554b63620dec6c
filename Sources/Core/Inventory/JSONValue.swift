public import OrderedCollections

/// A JSON document as it was written: the order of keys and the text of numbers survive.
///
/// Vendor data and user metadata reach guests in the order and with the numbers that the operator
/// wrote (`1.0` stays `1.0`), as Nova's answers do; Foundation's parser keeps neither.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<String, JSONValue>)

  /// The word for the value's type, for error texts.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "a map"
    }
  }

  /// The string, if this is one.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The integer, if this is a number without a fraction that fits.
  public var integer: Int? {
    if case .number(let number) = self { number.integer } else { nil }
  }

  /// The truth value, if this is one.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The elements, if this is a list.
  public var array: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members, if this is a map.
  public var object: OrderedDictionary<String, JSONValue>? {
    if case .object(let members) = self { members } else { nil }
  }

  /// The member `key`, if this is a map that has it.
  public subscript(key: String) -> JSONValue? { object?[key] }
}

/// A JSON number, kept as the text that Python's `json` prints for it.
public struct JSONNumber: Sendable, Hashable {
  /// Digits as they go onto the wire, such as `2`, `0.5`, `1.0` or `1e+22`.
  public let text: String

  public init(_ value: Int) { text = String(value) }

  public init?(_ value: Double) {
    guard value.isFinite else { return nil }
    text = value.description
  }

  /// Takes a number that matches JSON's grammar; integers keep their digits whatever their size,
  /// anything with a fraction or an exponent is printed as the shortest text that reads back.
  public init?(jsonText: String) {
    if jsonText.utf8.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }) {
      text = jsonText
    } else {
      guard let value = Double(jsonText), value.isFinite else { return nil }
      text = value.description
    }
  }

  /// The number as an `Int`, if it has no fraction and fits.
  public var integer: Int? { Int(text) }
}

// Not by `nil`: an absent value and a null one must not be taken for each other.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(OrderedDictionary(elements, uniquingKeysWith: { _, last in last }))
  }

  /// A string, or null where there is none.
  public init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }

  public init(_ text: ByteText?) { self.init(text?.string) }

  /// An integer.
  public init(_ value: Int) { self = .number(JSONNumber(value)) }

  /// A map of texts; of a key that is there twice the first counts.
  public init(members: [(key: ByteText, value: ByteText)]) {
    self = .object(
      OrderedDictionary(
        members.lazy.map { ($0.key.string, .string($0.value.string)) },
        uniquingKeysWith: { first, _ in first }))
  }
}

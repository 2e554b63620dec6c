import OrderedCollections

/// What is wrong with one field of a document, in words that say what to do.
public struct FieldError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Which field, such as `interfaces[0].mac`; empty for the document itself.
  public let path: String
  /// What is wrong with it, such as `must be a list`.
  public let message: String

  public init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// Takes a map apart field by field and, at the end, refuses what nobody asked for.
///
/// A field that is null counts as left out, save where a reader asks for the raw value.
struct FieldReader {
  private let members: OrderedDictionary<String, JSONValue>
  private let path: String
  /// The fields that were asked for, and which of the members they are.
  private var known: [String] = []
  private var taken: [Bool]

  init(_ value: JSONValue, path: String) throws(FieldError) {
    guard let members = value.object else {
      throw FieldError(path: path, message: "must be a map, not \(value.typeName)")
    }
    self.members = members
    self.path = path
    taken = Array(repeating: false, count: members.count)
    known.reserveCapacity(16)
  }

  /// The path of a field of this map.
  func path(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

  func error(_ field: String, _ message: String) -> FieldError {
    FieldError(path: path(field), message: message)
  }

  /// The value as it stands, null included; nil where the field is absent.
  mutating func raw(_ field: String) -> JSONValue? {
    known.append(field)
    guard let index = members.index(forKey: field) else { return nil }
    taken[index] = true
    return members.values[index]
  }

  mutating func value(_ field: String) -> JSONValue? {
    let value = raw(field)
    return value == .null ? nil : value
  }

  mutating func string(_ field: String, rule: ((String) -> String?)? = nil) throws(FieldError)
    -> String?
  {
    guard let value = value(field) else { return nil }
    guard let text = value.string else {
      throw error(field, "must be a string, not \(value.typeName); put it in quotes")
    }
    if let problem = rule?(text) { throw error(field, problem) }
    return text
  }

  mutating func required(_ field: String, rule: ((String) -> String?)? = nil) throws(FieldError)
    -> String
  {
    guard let text = try string(field, rule: rule) else { throw error(field, "is required") }
    return text
  }

  mutating func bool(_ field: String) throws(FieldError) -> Bool? {
    guard let value = value(field) else { return nil }
    guard let bool = value.bool else {
      throw error(field, "must be true or false, not \(value.typeName)")
    }
    return bool
  }

  mutating func integer(_ field: String, in range: ClosedRange<Int>) throws(FieldError) -> Int? {
    guard let value = value(field) else { return nil }
    guard let integer = value.integer, range.contains(integer) else {
      throw error(
        field, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// A value that a type reads from its text, such as an address.
  mutating func parsed<Value>(_ field: String, _ what: String, _ parse: (String) -> Value?)
    throws(FieldError) -> Value?
  {
    guard let text = try string(field) else { return nil }
    guard let value = parse(text) else { throw error(field, "'\(text)' is not \(what)") }
    return value
  }

  /// One of the words of an enumeration.
  mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ field: String, _ type: Word.Type = Word.self
  ) throws(FieldError) -> Word? {
    guard let text = try string(field) else { return nil }
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw error(field, "'\(text)' is not one of \(words)")
    }
    return word
  }

  /// Each element of a list, read by `read` with its own path.
  mutating func list<Element>(
    _ field: String, limit: Int,
    _ read: (JSONValue, _ path: String) throws(FieldError) -> Element
  ) throws(FieldError) -> [Element]? {
    guard let value = value(field) else { return nil }
    guard let elements = value.array else {
      throw error(field, "must be a list, not \(value.typeName)")
    }
    guard elements.count <= limit else {
      throw error(field, "has \(elements.count) elements; at most \(limit) are allowed")
    }
    var result: [Element] = []
    result.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      result.append(try read(element, "\(path(field))[\(index)]"))
    }
    return result
  }

  mutating func strings(_ field: String, limit: Int, rule: @escaping (String) -> String?)
    throws(FieldError) -> [String]?
  {
    try list(field, limit: limit) { (value, path) throws(FieldError) in
      try FieldReader.string(value, path: path, rule: rule)
    }
  }

  /// A map of strings, in its order.
  mutating func stringMap(
    _ field: String, limit: Int, key keyRule: (String) -> String?,
    value valueRule: (String) -> String?
  ) throws(FieldError) -> OrderedDictionary<String, String>? {
    guard let value = value(field) else { return nil }
    guard let members = value.object else {
      throw error(field, "must be a map, not \(value.typeName)")
    }
    guard members.count <= limit else {
      throw error(field, "has \(members.count) items; at most \(limit) are allowed")
    }
    var result: OrderedDictionary<String, String> = [:]
    for (key, value) in members {
      if let problem = keyRule(key) { throw error(field, "the key '\(key)' \(problem)") }
      result[key] = try FieldReader.string(value, path: "\(path(field)).\(key)", rule: valueRule)
    }
    return result
  }

  /// Refuses fields that no call asked for: a misspelt field must not be silently dropped.
  func finish() throws(FieldError) {
    guard let unknown = taken.firstIndex(of: false).map({ members.keys[$0] }) else { return }
    let hint = known.sorted().first { $0.lowercased() == unknown.lowercased() }
    let advice = hint.map { "; did you mean '\($0)'?" } ?? ""
    throw error(unknown, "is not a field that is known here\(advice)")
  }

  static func string(_ value: JSONValue, path: String, rule: (String) -> String?)
    throws(FieldError) -> String
  {
    guard let text = value.string else {
      throw FieldError(
        path: path, message: "must be a string, not \(value.typeName); put it in quotes")
    }
    if let problem = rule(text) { throw FieldError(path: path, message: problem) }
    return text
  }
}

/// Puts a map together, leaving out what is absent.
struct FieldWriter {
  private(set) var members: OrderedDictionary<String, JSONValue> = [:]

  mutating func put(_ field: String, _ value: JSONValue?) {
    if let value { members[field] = value }
  }

  mutating func put(_ field: String, _ text: String?) { put(field, text.map(JSONValue.string)) }

  mutating func put(_ field: String, _ value: Int?) { put(field, value.map { JSONValue($0) }) }

  mutating func put(_ field: String, _ value: Bool?) { put(field, value.map(JSONValue.bool)) }

  /// A list, left out where it is empty.
  mutating func put(_ field: String, list: [JSONValue]) {
    if !list.isEmpty { members[field] = .array(list) }
  }

  mutating func put(_ field: String, strings: [String]) {
    put(field, list: strings.map(JSONValue.string))
  }

  mutating func put(_ field: String, map: OrderedDictionary<String, String>) {
    if !map.isEmpty {
      members[field] = .object(map.mapValues(JSONValue.string))
    }
  }

  var value: JSONValue { .object(members) }
}

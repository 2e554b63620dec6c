public import Inventory
import OrderedCollections
import Yams

/// What is wrong with a YAML text.
public struct YAMLError: Error, Sendable, CustomStringConvertible {
  /// Counted from 1; nil where the place is not known.
  public let line: Int?
  public let message: String
  public var description: String { line.map { "line \($0): \(message)" } ?? message }
}

/// Turns YAML into values, within bounds.
///
/// Aliases are expanded, so a short text can stand for an endless one: every expanded node counts.
struct YAMLReader {
  /// More nodes than any document within ``Limits/maximumDocumentBytes`` needs.
  static let maximumNodes = 200_000

  private var nodes = 0

  mutating func value(of node: Node, depth: Int = 0) throws(YAMLError) -> JSONValue {
    nodes += 1
    guard nodes <= YAMLReader.maximumNodes else {
      throw error(node, "the document stands for more than \(YAMLReader.maximumNodes) values")
    }
    guard depth <= Limits.maximumJSONDepth else {
      throw error(node, "nested deeper than \(Limits.maximumJSONDepth) levels")
    }
    switch node {
    case .scalar: return try scalar(node)
    case .sequence(let sequence):
      var elements: [JSONValue] = []
      for element in sequence { elements.append(try value(of: element, depth: depth + 1)) }
      return .array(elements)
    case .mapping(let mapping):
      var members: OrderedDictionary<String, JSONValue> = [:]
      for (key, element) in mapping {
        guard case .scalar(let scalar) = key else { throw error(key, "a key must be a word") }
        guard members[scalar.string] == nil else {
          throw error(key, "'\(scalar.string)' is there twice")
        }
        members[scalar.string] = try value(of: element, depth: depth + 1)
      }
      return .object(members)
    case .alias: throw error(node, "the alias leads nowhere")
    }
  }

  private func scalar(_ node: Node) throws(YAMLError) -> JSONValue {
    guard case .scalar(let scalar) = node else { return .null }
    switch YAMLTag(node) {
    case .null: return .null
    case .bool: return node.bool.map(JSONValue.bool) ?? .string(scalar.string)
    case .int: return node.int.map { JSONValue($0) } ?? .string(scalar.string)
    case .float:
      return node.float.flatMap { JSONNumber($0) }.map(JSONValue.number) ?? .string(scalar.string)
    case .text: return .string(scalar.string)
    case .other: throw error(node, "the tag \(node.tag) has no meaning here")
    }
  }

  private func error(_ node: Node, _ message: String) -> YAMLError {
    YAMLError(line: node.mark?.line, message: message)
  }

  /// The documents of a text.
  static func documents(_ text: String) throws(YAMLError) -> [Node] {
    do {
      return Array(try Yams.compose_all(yaml: text))
    } catch let error as Yams.YamlError {
      throw YAMLError(error)
    } catch {
      throw YAMLError(line: nil, message: "is not YAML")
    }
  }
}

/// What a scalar is, by YAML's core rules.
enum YAMLTag {
  case null, bool, int, float, text, other

  init(_ node: Node) {
    let core = "tag:yaml.org,2002:"
    let tag = node.tag.description
    guard tag.hasPrefix(core) else {
      self = tag.isEmpty || tag == "!" ? .text : .other
      return
    }
    switch tag.dropFirst(core.count) {
    case "null": self = .null
    case "bool": self = .bool
    case "int": self = .int
    case "float": self = .float
    // A date is a word like any other: metadata versions look like one.
    case "str", "timestamp", "merge", "value": self = .text
    default: self = .other
    }
  }
}

extension YAMLError {
  init(_ error: YamlError) {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self.init(line: mark.line, message: problem)
    case .duplicatedKeysInMapping(let duplicates, _):
      self.init(line: nil, message: "'\(duplicates.first ?? "a key")' is there twice")
    default: self.init(line: nil, message: "is not YAML")
    }
  }
}

extension JSONValue {
  /// Reads one YAML document; an empty text is null.
  public init(yaml text: String) throws(YAMLError) {
    let documents = try YAMLReader.documents(text)
    guard documents.count <= 1 else {
      throw YAMLError(line: nil, message: "holds more than one document")
    }
    var reader = YAMLReader()
    self =
      try documents.first.map { (node) throws(YAMLError) in try reader.value(of: node) } ?? .null
  }
}

import Inventory
import OrderedCollections
import Yams

/// Turns one document's nodes into a value and the lines it stands in.
///
/// Aliases are expanded here and nowhere else, so the bound on what a document may become is kept
/// here: each node and each byte of text counts.
struct NodeReader {
  private let marks: ByteOrderMarks
  private var weight = 0

  init(marks: ByteOrderMarks) { self.marks = marks }

  mutating func read(_ node: Node, depth: Int = 0) throws(LineError) -> (JSONValue, LineTree) {
    let line = node.mark?.line ?? 1
    guard depth <= Limits.maximumJSONDepth else {
      throw LineError(
        line: line, message: "nested deeper than \(Limits.maximumJSONDepth) levels")
    }
    try count(1, line: line)
    switch node {
    case .scalar(let scalar):
      try count(scalar.string.utf8.count, line: line)
      return (try value(of: scalar, line: line), .scalar(line: line))
    case .sequence(let sequence):
      try check(sequence.tag, is: "tag:yaml.org,2002:seq", "list", line: line)
      var elements: [JSONValue] = []
      var lines: [LineTree] = []
      for element in sequence {
        let (value, tree) = try read(element, depth: depth + 1)
        elements.append(value)
        lines.append(tree)
      }
      return (.array(elements), .list(line: line, lines))
    case .mapping(let mapping): return try read(mapping, line: line, depth: depth)
    case .alias: throw LineError(line: line, message: "the alias leads nowhere")
    }
  }

  private mutating func read(_ mapping: Node.Mapping, line: Int, depth: Int) throws(LineError)
    -> (JSONValue, LineTree)
  {
    try check(mapping.tag, is: "tag:yaml.org,2002:map", "map", line: line)
    var members: OrderedDictionary<String, JSONValue> = [:]
    var lines: [String: LineTree] = [:]
    for (keyNode, valueNode) in mapping {
      let keyLine = keyNode.mark?.line ?? line
      guard case .scalar(let key) = keyNode else {
        throw LineError(line: keyLine, message: "a key must be a word, not a list or a map")
      }
      if key.style == .plain, key.string == "<<" {
        throw LineError(
          line: keyLine, message: "merge keys (<<) are not read; write the fields out")
      }
      try count(key.string.utf8.count, line: keyLine)
      let (value, tree) = try read(valueNode, depth: depth + 1)
      let name = marks.restored(key.string)
      guard members.updateValue(value, forKey: name) == nil else {
        throw LineError(line: keyLine, message: "the key '\(name)' is there twice")
      }
      lines[name] = tree.moved(to: keyLine)
    }
    return (.object(members), .map(line: line, lines))
  }

  private func value(of scalar: Node.Scalar, line: Int) throws(LineError) -> JSONValue {
    let plain = PlainScalar.value(scalar.string)
    switch scalar.tag.description {
    case "":
      guard scalar.style == .plain else { return text(scalar) }
      try checkDigits(scalar.string, line: line)
      return plain.string == nil ? plain : text(scalar)
    case "!", "tag:yaml.org,2002:str":
      return text(scalar)
    case "tag:yaml.org,2002:null": if plain == .null { return plain }
    case "tag:yaml.org,2002:bool": if plain.bool != nil { return plain }
    case "tag:yaml.org,2002:int": if case .number = plain { return plain }
    case "tag:yaml.org,2002:float": if case .number = plain { return plain }
    case "tag:yaml.org,2002:binary":
      throw LineError(line: line, message: "!!binary is not read; use the field's base64 form")
    default:
      throw LineError(line: line, message: "the tag '\(scalar.tag)' is not read; leave it out")
    }
    throw LineError(line: line, message: "'\(scalar.string)' is not what its tag says")
  }

  private func text(_ scalar: Node.Scalar) -> JSONValue {
    .string(marks.restored(scalar.string))
  }

  /// A run of digits that is no number for its length alone would silently become text.
  private func checkDigits(_ text: String, line: Int) throws(LineError) {
    let isLong = text.utf8.count > Limits.maximumJSONNumberBytes
    guard !(isLong && text.utf8.allSatisfy { (0x30...0x39).contains($0) }) else {
      throw LineError(
        line: line, message: "the number has more than \(Limits.maximumJSONNumberBytes) digits")
    }
  }

  private func check(_ tag: Tag, is core: String, _ what: String, line: Int) throws(LineError) {
    let name = tag.description
    guard name.isEmpty || name == "!" || name == core else {
      throw LineError(line: line, message: "the tag '\(name)' is not read; leave it out")
    }
  }

  private mutating func count(_ weight: Int, line: Int) throws(LineError) {
    self.weight += weight
    guard self.weight <= Limits.maximumDocumentBytes else {
      throw LineError(
        line: line,
        message: "the document is larger than \(Limits.maximumDocumentBytes) bytes, "
          + "counted with what its aliases stand for")
    }
  }
}

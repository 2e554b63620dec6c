public import Inventory
import OrderedCollections
import Yams

/// A document of a manifest, checked.
public struct ManifestDocument: Sendable {
  public let line: Int
  /// As it goes to the daemon: what was declared, files read in.
  public let value: JSONValue
  public let kind: ResourceKind
}

/// All that is wrong with a manifest; nothing of it may be applied.
public struct ManifestError: Error, Sendable, CustomStringConvertible {
  /// One line a problem: `FILE:LINE: FIELD: what is wrong`.
  public let problems: [String]
  public var description: String { problems.joined(separator: "\n") }
}

/// Reads manifests: any number of documents, in YAML or JSON.
public struct ManifestFile: Sendable {
  /// Problems that are told at once; the rest waits until these are mended.
  private static let maximumProblems = 20

  private let name: String
  private let readFile: @Sendable (String) throws -> [UInt8]

  /// - Parameters:
  ///   - name: How errors call the manifest.
  ///   - readFile: Reads a file that the manifest names, relative to the manifest.
  public init(name: String, readFile: @escaping @Sendable (String) throws -> [UInt8]) {
    self.name = name
    self.readFile = readFile
  }

  /// Reads every document and checks each by itself.
  public func documents(in bytes: [UInt8]) throws(ManifestError) -> [ManifestDocument] {
    guard bytes.count <= Limits.maximumManifestBytes else {
      throw ManifestError(
        problems: ["\(name): is larger than \(Limits.maximumManifestBytes) bytes; split it"])
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ManifestError(problems: ["\(name): is not UTF-8"])
    }
    // JSON's escapes are more than YAML's, and JSON reads faster.
    if text.first(where: { !$0.isWhitespace }) == "{",
      let value = try? JSONValue(parsing: bytes)
    {
      return [try check(value, line: 1) { _ in nil }]
    }
    return try documents(in: text)
  }

  private func documents(in text: String) throws(ManifestError) -> [ManifestDocument] {
    let nodes: [Node]
    do {
      nodes = try YAMLReader.documents(text)
    } catch {
      throw ManifestError(problems: ["\(name):\(error.line ?? 1): \(error.message)"])
    }
    var documents: [ManifestDocument] = []
    var problems: [String] = []
    for node in nodes where node.null == nil {
      do {
        documents.append(try document(node))
      } catch {
        problems += error.problems
        if problems.count >= ManifestFile.maximumProblems { break }
      }
    }
    guard problems.isEmpty else { throw ManifestError(problems: problems) }
    return documents
  }

  private func document(_ node: Node) throws(ManifestError) -> ManifestDocument {
    var reader = YAMLReader()
    let line = node.mark?.line ?? 1
    let value: JSONValue
    do {
      value = try reader.value(of: node)
    } catch {
      throw ManifestError(problems: ["\(name):\(error.line ?? line): \(error.message)"])
    }
    return try check(value, line: line) { FieldPlace.line(of: $0, in: node) }
  }

  private func check(_ value: JSONValue, line: Int, place: (String) -> Int?) throws(ManifestError)
    -> ManifestDocument
  {
    do {
      let whole = try withUserDataFile(value)
      var generator = SystemRandomNumberGenerator()
      let resource = try Resource(reading: whole) { InstanceID.random(using: &generator) }
      return ManifestDocument(line: line, value: whole, kind: resource.kind)
    } catch {
      throw ManifestError(problems: ["\(name):\(place(error.path) ?? line): \(error)"])
    }
  }

  /// Puts the content of `userDataFile` where the daemon looks for it.
  private func withUserDataFile(_ value: JSONValue) throws(FieldError) -> JSONValue {
    guard case .object(var members) = value, let path = members["userDataFile"] else {
      return value
    }
    guard let path = path.string else {
      throw FieldError(path: "userDataFile", message: "must be a path beside the manifest")
    }
    guard members["userData"] == nil, members["userDataBase64"] == nil else {
      throw FieldError(
        path: "userDataFile", message: "and userData or userDataBase64 exclude each other")
    }
    members["userDataFile"] = nil
    do {
      members["userDataBase64"] = .string(Base64.encode(try readFile(path)))
    } catch {
      throw FieldError(path: "userDataFile", message: "'\(path)' cannot be read: \(error)")
    }
    return .object(members)
  }
}

/// Finds the line of a field.
enum FieldPlace {
  /// The line of the deepest part of `path` (such as `interfaces[0].mac`) that is there.
  static func line(of path: String, in node: Node) -> Int? {
    var rest = Substring(path)
    var node = node
    var line: Int?
    while !rest.isEmpty {
      if rest.first == "[" {
        let digits = rest.dropFirst().prefix { $0 != "]" }
        guard let index = Int(digits), case .sequence(let sequence) = node,
          sequence.indices.contains(index)
        else { return line }
        node = sequence[index]
        line = node.mark?.line ?? line
        rest = rest.dropFirst(digits.count + 2)
      } else {
        if rest.first == "." { rest = rest.dropFirst() }
        guard case .mapping(let mapping) = node, let found = member(of: mapping, at: rest) else {
          return line
        }
        line = found.key.mark?.line ?? line
        node = found.value
        rest = rest.dropFirst(found.key.string?.count ?? 0)
      }
    }
    return line
  }

  /// The member whose key starts the path; keys may have dots in them, so the longest wins.
  private static func member(of mapping: Node.Mapping, at path: Substring) -> (
    key: Node, value: Node
  )? {
    mapping.filter { key, _ in
      guard let name = key.string, path.hasPrefix(name) else { return false }
      let next = path.dropFirst(name.count).first
      return next == nil || next == "." || next == "["
    }.max { ($0.key.string ?? "").count < ($1.key.string ?? "").count }
  }
}

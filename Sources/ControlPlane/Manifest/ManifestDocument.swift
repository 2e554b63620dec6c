public import Inventory

/// One document of a manifest, as it stands in the file.
public struct ManifestDocument: Sendable, Hashable {
  /// The document's place in the file, counted from 0, empty documents not counted.
  public var index: Int
  /// The line that it starts in, counted from 1.
  public var line: Int { lines.line }
  public var value: JSONValue
  /// Where each of its fields stands.
  public var lines: LineTree

  public init(index: Int, value: JSONValue, lines: LineTree) {
    self.index = index
    self.value = value
    self.lines = lines
  }
}

/// Takes a text apart into documents; it does not know what they declare.
///
/// - Parameter name: How findings call the text, such as `web.yaml`.
public func readDocuments(text: String, name: String) throws(ManifestError) -> [ManifestDocument] {
  var documents: [ManifestDocument] = []
  do {
    var source = try DocumentSource(text)
    while let document = try source.next() { documents.append(document) }
  } catch {
    var issues = IssueList(file: name)
    issues.add(line: error.line, error.message)
    try issues.finish()
  }
  return documents
}

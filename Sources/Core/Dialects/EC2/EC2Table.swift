// A tree of which both look-up and listing come from one table: what has no value is neither
// listed nor answered.

/// A row of a table: a name, the first version that has it, and what stands at a path below it as a
/// function of the subject.
struct EC2Entry<Subject: Sendable>: Sendable {
  typealias Path = ArraySlice<String>

  let name: String
  let since: EC2Version
  let isDirectory: Bool
  let node: @Sendable (Subject, Path) -> MetadataNode?

  /// A leaf of text; nil is an absent value, an empty text is an empty answer.
  static func leaf(
    _ name: String, since: EC2Version = .original,
    _ value: @escaping @Sendable (Subject) -> String?
  ) -> EC2Entry {
    document(name, since: since) { value($0).map(Document.init(text:)) }
  }

  /// A leaf of several values, one a line; none is absent.
  static func lines<Value: CustomStringConvertible & SendableMetatype>(
    _ name: String, since: EC2Version = .original,
    _ values: @escaping @Sendable (Subject) -> [Value]
  ) -> EC2Entry {
    leaf(name, since: since) { subject in
      let values = values(subject)
      return values.isEmpty ? nil : values.map(\.description).joined(separator: "\n")
    }
  }

  static func document(
    _ name: String, since: EC2Version = .original,
    _ document: @escaping @Sendable (Subject) -> Document?
  ) -> EC2Entry {
    EC2Entry(name: name, since: since, isDirectory: false) { subject, path in
      path.isEmpty ? document(subject).map(MetadataNode.document) : nil
    }
  }

  static func directory(
    _ name: String, since: EC2Version = .original,
    _ node: @escaping @Sendable (Subject, Path) -> MetadataNode?
  ) -> EC2Entry {
    EC2Entry(name: name, since: since, isDirectory: true, node: node)
  }
}

/// Rows, found by their names.
struct EC2Table<Subject: Sendable>: Sendable {
  let rows: [EC2Entry<Subject>]
  private let places: [String: Int]

  init(_ rows: [EC2Entry<Subject>]) {
    self.rows = rows
    places = Dictionary(
      rows.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  subscript(name: String) -> EC2Entry<Subject>? { places[name].map { rows[$0] } }
}

extension EC2Table: ExpressibleByArrayLiteral {
  init(arrayLiteral rows: EC2Entry<Subject>...) { self.init(rows) }
}

/// Directories of EC2's tree. Each says what stands at a path below it, and makes nothing else.
enum EC2Directory {
  /// A table as one subject sees it in one version.
  static func node<Subject>(
    at path: ArraySlice<String>, in table: EC2Table<Subject>, of subject: Subject,
    _ version: EC2Version
  ) -> MetadataNode? {
    guard let segment = path.first else {
      return listing(
        table.rows.filter { $0.since <= version && $0.node(subject, []) != nil }
          .map { $0.isDirectory ? ListingEntry(directory: $0.name) : ListingEntry(leaf: $0.name) }
          .sorted { $0.listed.utf8.lexicographicallyPrecedes($1.listed.utf8) })
    }
    guard let row = table[segment], row.since <= version else { return nil }
    return row.node(subject, path.dropFirst())
  }

  /// Leaves of text under names that come from the record, sorted.
  static func node(
    at path: ArraySlice<String>, leaves: [(key: String, value: String)]
  ) -> MetadataNode? {
    guard let segment = path.first else {
      return listing(
        leaves.map(\.key).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
          .map(ListingEntry.init(leaf:)))
    }
    guard path.count == 1, let leaf = leaves.first(where: { $0.key == segment }) else { return nil }
    return .document(Document(text: leaf.value))
  }

  /// A listing; an empty directory is none.
  static func listing(_ entries: [ListingEntry]) -> MetadataNode? {
    entries.isEmpty ? nil : .listing(entries)
  }
}

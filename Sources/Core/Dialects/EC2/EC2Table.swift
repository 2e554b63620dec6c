// A tree of which both look-up and listing come from one table: what has no value is neither
// listed nor answered.

/// What stands under a name.
enum EC2Content {
  case document(Document)
  case directory(any EC2Directory)
}

/// A directory of EC2's tree.
protocol EC2Directory: Sendable {
  /// The lines of the listing, in order.
  var entries: [ListingEntry] { get }

  /// What stands under a name. Nothing else of the directory is rendered.
  func content(of segment: String) -> EC2Content?
}

extension EC2Directory {
  /// What stands at a path below the directory.
  func node(at path: ArraySlice<String>) -> MetadataNode? {
    guard let segment = path.first else {
      let entries = entries
      return entries.isEmpty ? nil : .listing(entries)
    }
    let rest = path.dropFirst()
    switch content(of: segment) {
    case .directory(let directory): return directory.node(at: rest)
    case .document(let document): return rest.isEmpty ? .document(document) : nil
    case nil: return nil
    }
  }
}

/// A row of a table: a name, the first version that has it, and the value as a function of the
/// subject.
struct EC2Entry<Subject: Sendable>: Sendable {
  let name: String
  let since: EC2Version
  let isDirectory: Bool
  let content: @Sendable (Subject) -> EC2Content?

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
    EC2Entry(name: name, since: since, isDirectory: false) {
      document($0).map(EC2Content.document)
    }
  }

  static func directory(
    _ name: String, since: EC2Version = .original,
    _ directory: @escaping @Sendable (Subject) -> any EC2Directory
  ) -> EC2Entry {
    EC2Entry(name: name, since: since, isDirectory: true) { .directory(directory($0)) }
  }
}

/// A table as one subject sees it in one version.
struct EC2Rows<Subject: Sendable>: EC2Directory {
  let rows: [EC2Entry<Subject>]
  let subject: Subject
  let version: EC2Version

  var entries: [ListingEntry] {
    rows.compactMap { row in
      guard row.since <= version else { return nil }
      switch row.content(subject) {
      case .directory(let directory) where !directory.entries.isEmpty:
        return ListingEntry(directory: row.name)
      case .document: return ListingEntry(leaf: row.name)
      default: return nil
      }
    }.sortedAsBytes()
  }

  func content(of segment: String) -> EC2Content? {
    guard let row = rows.first(where: { $0.name == segment }), row.since <= version else {
      return nil
    }
    return row.content(subject)
  }
}

/// A directory whose names come from the record.
struct EC2Children: EC2Directory {
  struct Child: Sendable {
    let entry: ListingEntry
    let content: @Sendable () -> EC2Content
  }

  let children: [Child]

  init(_ children: [Child]) { self.children = children }

  /// Leaves of text under their names, sorted.
  init(leaves: some Sequence<(key: String, value: String)>) {
    children =
      leaves
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { name, text in
        Child(entry: ListingEntry(leaf: name)) { .document(Document(text: text)) }
      }
  }

  var entries: [ListingEntry] { children.map(\.entry) }

  func content(of segment: String) -> EC2Content? {
    children.first { $0.entry.segment == segment }?.content()
  }
}

extension [ListingEntry] {
  /// In the order of the lines' bytes, as Nova and AWS list.
  fileprivate func sortedAsBytes() -> [ListingEntry] {
    sorted { $0.listed.utf8.lexicographicallyPrecedes($1.listed.utf8) }
  }
}

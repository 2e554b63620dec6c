import Inventory

// A tree of which both look-up and listing come from one table: what has no value is neither
// listed nor answered.

/// What a table's values are computed from.
protocol EC2Subject: Sendable {
  /// The version that is asked for.
  var version: EC2Version { get }
}

/// What stands somewhere for a subject; nil where nothing does.
typealias EC2Node<Subject> = @Sendable (Subject) -> MetadataNode?

/// A row of a table: a name, the first version that has it, and what stands below it.
struct EC2Entry<Subject: EC2Subject>: Sendable {
  typealias Path = ArraySlice<String>

  let name: String
  let since: EC2Version
  let isDirectory: Bool
  /// Whether there is anything at all, for the listing above.
  let exists: @Sendable (Subject) -> Bool
  /// What stands at a path below it in a version; nil where nothing does, whoever asks.
  let node: @Sendable (Path, EC2Version) -> EC2Node<Subject>?

  /// A leaf of text; nil is an absent value, an empty text is an empty answer.
  static func leaf(
    _ name: String, since: EC2Version = .original,
    _ value: @escaping @Sendable (Subject) -> ByteText?
  ) -> EC2Entry {
    leaf(name, since: since, exists: { value($0) != nil }) {
      value($0).map { .document(Document(text: $0)) }
    }
  }

  /// A leaf of text that every subject has.
  static func leaf(
    always name: String, since: EC2Version = .original,
    _ value: @escaping @Sendable (Subject) -> ByteText
  ) -> EC2Entry {
    leaf(name, since: since, exists: { _ in true }) { .document(Document(text: value($0))) }
  }

  /// A leaf of an address.
  static func leaf<Value: ASCIIText & SendableMetatype>(
    _ name: String, since: EC2Version = .original,
    _ value: @escaping @Sendable (Subject) -> Value?
  ) -> EC2Entry {
    leaf(name, since: since, exists: { value($0) != nil }) {
      value($0).map { .document(Document(text: ByteText($0))) }
    }
  }

  /// A leaf of several values, one a line; none is absent.
  static func lines<Value: CustomStringConvertible & SendableMetatype>(
    _ name: String, since: EC2Version = .original,
    _ values: @escaping @Sendable (Subject) -> [Value]
  ) -> EC2Entry {
    leaf(name, since: since, exists: { !values($0).isEmpty }) { subject in
      let values = values(subject)
      guard !values.isEmpty else { return nil }
      return .document(Document(text: values.map(\.description).joined(separator: "\n")))
    }
  }

  static func document(
    _ name: String, since: EC2Version = .original,
    _ document: @escaping @Sendable (Subject) -> Document?
  ) -> EC2Entry {
    leaf(name, since: since, exists: { document($0) != nil }) {
      document($0).map(MetadataNode.document)
    }
  }

  private static func leaf(
    _ name: String, since: EC2Version, exists: @escaping @Sendable (Subject) -> Bool,
    _ node: @escaping EC2Node<Subject>
  ) -> EC2Entry {
    EC2Entry(
      name: name, since: since, isDirectory: false, exists: exists,
      node: { path, _ in path.isEmpty ? node : nil })
  }

  /// A directory with a table of its own.
  static func directory(
    _ name: String, since: EC2Version = .original, _ table: EC2Table<Subject>
  ) -> EC2Entry {
    EC2Entry(
      name: name, since: since, isDirectory: true, exists: { table.hasAnything(of: $0) },
      node: { table.node(at: $0, in: $1) })
  }

  /// A directory whose names come from the record.
  static func directory(
    _ name: String, since: EC2Version = .original,
    exists: @escaping @Sendable (Subject) -> Bool,
    _ node: @escaping @Sendable (Path, EC2Version) -> EC2Node<Subject>?
  ) -> EC2Entry {
    EC2Entry(name: name, since: since, isDirectory: true, exists: exists, node: node)
  }

  /// A directory of leaves of text under names that come from the record; none is absent.
  static func directory(
    _ name: String, since: EC2Version = .original,
    leaves: @escaping @Sendable (Subject) -> [(key: ByteText, value: ByteText)]
  ) -> EC2Entry {
    directory(name, since: since, exists: { !leaves($0).isEmpty }) { path, _ in
      guard let segment = path.first else {
        return { subject in
          EC2Listing.node(
            leaves(subject).map(\.key).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
              .map { ListingEntry(listed: $0, segment: $0.string) })
        }
      }
      guard path.count == 1 else { return nil }
      let name = ByteText(segment)
      return { subject in
        leaves(subject).first { $0.key == name }.map { .document(Document(text: $0.value)) }
      }
    }
  }
}

/// Rows, found by their names, and in the order of a listing.
struct EC2Table<Subject: EC2Subject>: Sendable {
  private let rows: [EC2Entry<Subject>]
  private let entries: [ListingEntry]
  private let places: [String: Int]

  init(_ rows: [EC2Entry<Subject>]) {
    let listed = rows.map { row in
      (row, row.isDirectory ? ListingEntry(directory: row.name) : ListingEntry(leaf: row.name))
    }.sorted { $0.1.listed.utf8.lexicographicallyPrecedes($1.1.listed.utf8) }
    self.rows = listed.map(\.0)
    entries = listed.map(\.1)
    places = Dictionary(
      listed.enumerated().map { ($0.element.0.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// What stands at a path below the table in a version; nil where nothing does, whoever asks.
  func node(at path: ArraySlice<String>, in version: EC2Version) -> EC2Node<Subject>? {
    guard let segment = path.first else { return { EC2Listing.node(listing(for: $0)) } }
    guard let place = places[segment], rows[place].since <= version else { return nil }
    return rows[place].node(path.dropFirst(), version)
  }

  /// What the subject has something of.
  private func listing(for subject: Subject) -> [ListingEntry] {
    var listing: [ListingEntry] = []
    listing.reserveCapacity(rows.count)
    for index in rows.indices where exists(index, for: subject) { listing.append(entries[index]) }
    return listing
  }

  func hasAnything(of subject: Subject) -> Bool {
    rows.indices.contains { exists($0, for: subject) }
  }

  private func exists(_ index: Int, for subject: Subject) -> Bool {
    rows[index].since <= subject.version && rows[index].exists(subject)
  }
}

extension EC2Table: ExpressibleByArrayLiteral {
  init(arrayLiteral rows: EC2Entry<Subject>...) { self.init(rows) }
}

enum EC2Listing {
  /// A listing; an empty directory is none.
  static func node(_ entries: [ListingEntry]) -> MetadataNode? {
    entries.isEmpty ? nil : .listing(entries)
  }
}

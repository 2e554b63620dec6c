/// A node of a tree that is made as it is walked: looking up one leaf renders no other.
enum TreeNode: Sendable {
  case leaf(Document)
  case directory(Directory)

  @Sendable static func text(_ text: String) -> TreeNode { .leaf(Document(text: text)) }

  /// One value a line.
  static func lines(_ values: [String]) -> TreeNode { .text(values.joined(separator: "\n")) }
}

/// A directory: its children by name, in no particular order. A child whose node is nil is absent,
/// neither listed nor answered.
struct Directory: Sendable {
  struct Child: Sendable {
    let name: String
    /// The line that stands for it in the listing, where that is not its name.
    var listedAs: String?
    let node: @Sendable () -> TreeNode?
  }

  private let children: [Child]

  init(_ children: [Child]) { self.children = children }

  func child(_ name: String) -> TreeNode? { children.first { $0.name == name }?.node() }

  /// The lines, sorted by bytes; directories end in `/`.
  var listing: [ListingEntry] {
    children.compactMap { child -> ListingEntry? in
      guard let node = child.node() else { return nil }
      var listed = child.listedAs ?? child.name
      if case .directory = node, child.listedAs == nil { listed += "/" }
      return ListingEntry(listed: listed, segment: child.name)
    }.sorted { $0.listed.utf8.lexicographicallyPrecedes($1.listed.utf8) }
  }

  /// The directory, or nil where nothing is in it: AWS lists no empty directories.
  var unlessEmpty: TreeNode? { listing.isEmpty ? nil : .directory(self) }
}

/// A leaf of a table: its name, and its value in a given input.
struct LeafRow<Input: Sendable>: Sendable {
  let name: String
  let value: @Sendable (Input) -> TreeNode?

  init(_ name: String, _ value: @escaping @Sendable (Input) -> TreeNode?) {
    self.name = name
    self.value = value
  }
}

extension Directory {
  /// A directory from a table of rows that all look at the same input.
  init<Input: Sendable>(_ input: Input, _ rows: [LeafRow<Input>]) {
    self.init(rows.map { row in Child(name: row.name) { row.value(input) } })
  }
}

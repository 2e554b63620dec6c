/// What an image holds, walked name by name: each is looked up in the directory that was found
/// before it, and must be a directory itself. No link is ever followed, neither out of the image nor
/// inside it.
final class GuestTree {
  private let volume: any GuestVolume
  private var facts: [String: GuestFacts] = [:]

  init(_ volume: any GuestVolume) { self.volume = volume }

  /// Where a path leads.
  struct Found {
    /// The deepest directory of the path that is there.
    let folder: GuestNode
    /// How many of the path's names are there.
    let depth: Int
    /// What the whole path leads to, itself not followed.
    let node: GuestNode?
  }

  /// - Throws: ``DiskImageError`` where a part of the path, save the last, is no directory.
  func find(_ path: GuestPath) async throws(DiskImageError) -> Found {
    var folder = volume.root
    for (index, name) in path.names.enumerated() {
      let child = try await volume.child(name, of: folder)
      guard let child else { return Found(folder: folder, depth: index, node: nil) }
      let isLast = index == path.names.count - 1
      if isLast { return Found(folder: folder, depth: index + 1, node: child) }
      let here = GuestPath(Array(path.names[...index]))
      guard child.kind == .directory else {
        throw DiskImageError(
          .notPlain,
          "\(here) of the image is \(GuestTree.word(child.kind)), not a directory: nothing is "
            + "written through it")
      }
      folder = child
    }
    return Found(folder: folder, depth: path.names.count, node: folder)
  }

  /// A plain file or nothing. Links, devices and files that have other names too are refused, and
  /// so is what an administrator has locked.
  func file(_ path: GuestPath) async throws(DiskImageError) -> GuestNode? {
    guard let node = try await find(path).node else { return nil }
    guard node.kind == .file else {
      throw DiskImageError(
        .notPlain, "\(path) of the image is \(GuestTree.word(node.kind)), not a plain file")
    }
    let facts = try await facts(of: node)
    guard facts.links == 1 else {
      throw DiskImageError(
        .notPlain, "\(path) of the image has \(facts.links) names (hard links), not one")
    }
    if let hindrance = facts.hindrance {
      throw DiskImageError(.notPlain, "\(path) of the image is \(hindrance)")
    }
    return node
  }

  /// Whether a path leads to anything, without a link in between.
  func has(_ path: GuestPath) async -> Bool {
    (try? await find(path).node) != nil
  }

  /// A file's content.
  func read(_ path: GuestPath, limit: Int) async throws(DiskImageError) -> [UInt8]? {
    guard let node = try await file(path) else { return nil }
    let size = try await facts(of: node).sizeBytes
    guard size <= Int64(limit) else {
      throw DiskImageError(
        .tooLarge, "\(path) of the image has \(size) bytes; at most \(limit) are read")
    }
    return try await volume.bytes(of: node, size: size)
  }

  /// The names in a directory that are text.
  func names(in path: GuestPath) async throws(DiskImageError) -> [String] {
    guard let node = try await find(path).node, node.kind == .directory else { return [] }
    return try await volume.names(in: node).sorted()
  }

  func label(of node: GuestNode) async throws(DiskImageError) -> [UInt8]? {
    try await volume.label(of: node)
  }

  /// A directory that something is to be written into.
  func checkWritable(_ folder: GuestNode, _ path: GuestPath) async throws(DiskImageError) {
    if let hindrance = try await facts(of: folder).hindrance {
      throw DiskImageError(.notPlain, "\(path) of the image is \(hindrance)")
    }
  }

  private func facts(of node: GuestNode) async throws(DiskImageError) -> GuestFacts {
    if let known = facts[node.place] { return known }
    let facts = try await volume.facts(of: node)
    self.facts[node.place] = facts
    return facts
  }

  private static func word(_ kind: GuestNode.Kind) -> String {
    switch kind {
    case .file: "a file"
    case .directory: "a directory"
    case .link: "a symbolic link"
    case .special: "a device, pipe or socket"
    }
  }
}

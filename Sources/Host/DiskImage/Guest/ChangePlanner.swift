import Inventory

/// Compares what is wanted with what an image holds. What is as it should be already is no change,
/// so planning again after the changes must find none: that is how they are verified.
final class ChangePlanner {
  let tree: GuestTree
  private let setsLabels: Bool
  private(set) var changes: [InjectionChange] = []
  /// What each path is planned for.
  private var planned: [GuestPath: String] = [:]
  private var files: Set<GuestPath> = []

  init(_ tree: GuestTree, setsLabels: Bool) {
    self.tree = tree
    self.setsLabels = setsLabels
  }

  func add(_ wanted: WantedNode) async throws(DiskImageError) {
    if let other = planned[wanted.path] {
      throw DiskImageError(
        .request, "\(wanted.path) is written twice: as \(other) and as \(wanted.purpose)")
    }
    planned[wanted.path] = wanted.purpose
    if case .file = wanted.content { files.insert(wanted.path) }
    var above = wanted.path
    while !above.names.isEmpty {
      above = above.parent
      guard !files.contains(above) else {
        throw DiskImageError(.request, "\(wanted.path) lies below \(above), which is to be a file")
      }
    }
    switch wanted.content {
    case .file(let bytes): try await addFile(wanted, bytes)
    case .directory: try await addDirectory(wanted)
    case .absent: try await addRemoval(wanted)
    }
  }

  private func addFile(_ wanted: WantedNode, _ bytes: [UInt8]) async throws(DiskImageError) {
    let found = try await tree.find(wanted.path)
    guard let old = try await tree.file(wanted.path) else {
      try await addFolders(above: wanted, found)
      let label = try await label(for: wanted, in: found.folder)
      changes.append(change(.create, wanted, found, label: label, after: bytes))
      return
    }
    let before = try await tree.read(wanted.path, limit: Injection.maximumFileBytes) ?? []
    var wanted = wanted
    if wanted.keepsOwn { wanted.take(old) }
    let oldLabel = try await tree.label(of: old)
    let label = try await self.label(for: wanted, in: found.folder, old: oldLabel)
    guard before != bytes else {
      try await adjust(wanted, old, found, oldLabel, label)
      return
    }
    try await tree.checkWritable(found.folder, wanted.path.parent)
    changes.append(change(.replace, wanted, found, label: label, before: before, after: bytes))
  }

  private func addDirectory(_ wanted: WantedNode) async throws(DiskImageError) {
    let found = try await tree.find(wanted.path)
    guard let old = found.node else {
      try await addFolders(above: wanted, found)
      let label = try await label(for: wanted, in: found.folder)
      changes.append(change(.create, wanted, found, label: label))
      return
    }
    guard old.kind == .directory else {
      throw DiskImageError(.notPlain, "\(wanted.path) of the image is not a directory")
    }
    if wanted.keepsOwn { return }
    let oldLabel = try await tree.label(of: old)
    let label = try await self.label(for: wanted, in: found.folder, old: oldLabel)
    try await tree.checkWritable(old, wanted.path)
    try await adjust(wanted, old, found, oldLabel, label)
  }

  private func addRemoval(_ wanted: WantedNode) async throws(DiskImageError) {
    guard let old = try await tree.file(wanted.path) else { return }
    var wanted = wanted
    wanted.take(old)
    let found = try await tree.find(wanted.path)
    try await tree.checkWritable(found.folder, wanted.path.parent)
    let before = try await tree.read(wanted.path, limit: Injection.maximumFileBytes)
    changes.append(change(.remove, wanted, found, label: nil, before: before))
  }

  private func adjust(
    _ wanted: WantedNode, _ old: GuestNode, _ found: GuestTree.Found, _ oldLabel: [UInt8]?,
    _ label: [UInt8]?
  ) async throws(DiskImageError) {
    let isSame =
      old.mode == wanted.mode && old.uid == wanted.uid && old.gid == wanted.gid
      && (label == nil || label == oldLabel)
    if !isSame { changes.append(change(.adjust, wanted, found, label: label)) }
  }

  /// The directories that a new file needs.
  private func addFolders(above wanted: WantedNode, _ found: GuestTree.Found)
    async throws(DiskImageError)
  {
    let folders = wanted.path.names.dropLast()
    try await tree.checkWritable(
      found.folder, GuestPath(Array(wanted.path.names.prefix(found.depth))))
    for depth in found.depth..<max(folders.count, found.depth) {
      let path = GuestPath(Array(folders[...depth]))
      guard planned[path] == nil else { continue }
      let folder = WantedNode(
        path: path, content: .directory, mode: 0o755, purpose: "directory of \(wanted.purpose)")
      planned[path] = folder.purpose
      let label = try await label(for: folder, in: found.folder)
      changes.append(change(.create, folder, found, label: label))
    }
  }

  // MARK: Labels

  private func label(for wanted: WantedNode, in folder: GuestNode, old: [UInt8]? = nil)
    async throws(DiskImageError) -> [UInt8]?
  {
    guard setsLabels else { return old }
    if let old { return old }
    guard let around = try await tree.label(of: folder) else { return nil }
    return SELinuxLabel.bytes(like: around, type: wanted.labelType)
  }

  private func change(
    _ action: InjectionChange.Action, _ wanted: WantedNode, _ found: GuestTree.Found,
    label: [UInt8]?, before: [UInt8]? = nil, after: [UInt8]? = nil
  ) -> InjectionChange {
    var isDirectory = false
    if case .directory = wanted.content { isDirectory = true }
    // A path that is there counts its own name; what is written to is the directory above.
    let depth = min(found.depth, max(wanted.path.names.count - 1, 0))
    return InjectionChange(
      path: wanted.path.description, action: action, isDirectory: isDirectory, mode: wanted.mode,
      uid: wanted.uid, gid: wanted.gid, label: label.map(SELinuxLabel.text),
      purpose: wanted.purpose, before: before.map { Secret($0) }, after: after.map { Secret($0) },
      isShown: wanted.isShown,
      base: found.folder.place, below: Array(wanted.path.names[depth...]))
  }
}

extension WantedNode {
  fileprivate mutating func take(_ old: GuestNode) {
    mode = old.mode
    uid = old.uid
    gid = old.gid
  }
}

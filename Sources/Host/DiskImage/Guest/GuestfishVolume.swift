/// A file system that a kernel mounts, in libguestfs's virtual machine.
///
/// It is mounted read-only on a device that takes no writes, save while changes are made: the
/// kernel refuses one whose journal is to be replayed.
final class GuestfishVolume: GuestVolume {
  private let guestfish: Guestfish
  private let device: String
  private let kind: Kind
  /// For a person.
  let name: String
  private(set) var root = GuestNode(place: "", kind: .directory, mode: 0o755, uid: 0, gid: 0)

  /// Those that are written to, by the names of blkid.
  enum Kind: String {
    case xfs
    case btrfs
    case ext2
    case ext3
    case ext4
  }

  init(_ guestfish: Guestfish, device: String, kind: Kind, at place: String) {
    self.guestfish = guestfish
    self.device = device
    self.kind = kind
    name = "\(place), \(kind.rawValue)"
  }

  // MARK: Mounting

  /// Mounts it to be read, and finds its root.
  func open() async throws(DiskImageError) {
    try await guestfish.run("umount-all")
    try await guestfish.run("blockdev-setro", device)
    if let error = try await guestfish.attempt("mount-ro", device, "/") {
      guard error.contains("read-only") else {
        throw DiskImageError(.damaged, "\(name): cannot be mounted: \(error.prefix(300))")
      }
      throw DiskImageError(
        .inUse,
        "\(name): was not unmounted: its guest runs, or has crashed. Shut the guest down, or boot "
          + "it once, so that it replays its journal")
    }
    if kind == .btrfs, try await child("etc", of: root) == nil { try await findSubvolume() }
  }

  func close() async throws(DiskImageError) { try await guestfish.run("umount-all") }

  /// Where distributions keep their root: Fedora, Ubuntu and Arch, Debian.
  private static let subvolumes = ["root", "@", "@rootfs"]
  /// Each subvolume's own directory has this number, and none else.
  private static let subvolumeInode: Int64 = 256

  private func findSubvolume() async throws(DiskImageError) {
    let top = root
    for name in GuestfishVolume.subvolumes {
      guard let folder = try await child(name, of: top), folder.kind == .directory,
        try await status(of: folder.place)?["st_ino"] == GuestfishVolume.subvolumeInode,
        try await child("etc", of: folder) != nil
      else { continue }
      root = folder
      return
    }
  }

  // MARK: Checking

  var checker: String {
    switch kind {
    case .xfs: "xfs_repair"
    case .btrfs: "btrfs check"
    case .ext2, .ext3, .ext4: "e2fsck"
    }
  }

  func check() async throws(DiskImageError) -> [String] {
    try await close()
    let problems = try await problems()
    guard problems.isEmpty else { return problems }
    try await open()
    return []
  }

  private func problems() async throws(DiskImageError) -> [String] {
    switch kind {
    case .xfs:
      let lines = try await guestfish.ask("xfs-repair", device, "nomodify:true")
      if lines == ["0"] { return [] }
      return [Guestfish.error(in: lines) ?? "it has found damage"]
    case .btrfs: return try await guestfish.attempt("btrfs-fsck", device).map { [$0] } ?? []
    case .ext2, .ext3, .ext4:
      // There is none that only reads.
      try await guestfish.run("blockdev-setrw", device)
      return try await guestfish.attempt("e2fsck", device, "correct:true").map { [$0] } ?? []
    }
  }

  // MARK: Reading

  func child(_ name: String, of folder: GuestNode) async throws(DiskImageError) -> GuestNode? {
    let place = "\(folder.place)/\(name)"
    guard let status = try await status(of: place), let mode = status["st_mode"],
      let mode = UInt32(exactly: mode), let uid = status["st_uid"].flatMap(UInt32.init(exactly:)),
      let gid = status["st_gid"].flatMap(UInt32.init(exactly:))
    else { return nil }
    return GuestNode(
      place: place, kind: GuestNode.Kind(mode: mode), mode: mode & 0o7777, uid: uid, gid: gid)
  }

  /// What lstat says of a path whose directories were found to be such; nil where nothing is there.
  private func status(of place: String) async throws(DiskImageError) -> [Substring: Int64]? {
    let lines = try await guestfish.ask("lstatns", GuestfishVolume.path(place))
    let status = GuestfishVolume.numbers(lines)
    if status["st_mode"] != nil { return status }
    let said = lines.joined(separator: " ")
    guard said.hasSuffix(": No such file or directory") else {
      throw DiskImageError(.damaged, "\(name): \(said.prefix(300))")
    }
    return nil
  }

  /// `st_mode: 33188`
  private static func numbers(_ lines: [String]) -> [Substring: Int64] {
    var numbers: [Substring: Int64] = [:]
    for line in lines {
      let parts = line.split(separator: " ")
      guard parts.count == 2, parts[0].hasSuffix(":"), let value = Int64(parts[1]) else { continue }
      numbers[parts[0].dropLast()] = value
    }
    return numbers
  }

  func names(in folder: GuestNode) async throws(DiskImageError) -> [String] {
    let file = "answer"
    try await guestfish.run("ls0", GuestfishVolume.path(folder.place), file)
    return try take(file, limit: GuestfishVolume.maximumListingBytes)
      .split(separator: 0).compactMap { String(validating: $0, as: UTF8.self) }
  }

  /// A directory of 100,000 long names.
  private static let maximumListingBytes = 32 * 1024 * 1024

  func facts(of node: GuestNode) async throws(DiskImageError) -> GuestFacts {
    let path = GuestfishVolume.path(node.place)
    guard let status = try await status(of: node.place), let size = status["st_size"],
      let links = status["st_nlink"].flatMap(Int.init(exactly:))
    else { throw DiskImageError(.damaged, "\(name): \(path) cannot be read") }
    // Letters, as lsattr has them; not every file system has such.
    let letters = try await guestfish.ask("get-e2attrs", path)
    let flags = Guestfish.error(in: letters) == nil ? GuestFacts.flags(letters.joined()) : 0
    return GuestFacts(flags: flags, links: links, sizeBytes: size)
  }

  func bytes(of node: GuestNode, size: Int64) async throws(DiskImageError) -> [UInt8] {
    let file = "answer"
    try await guestfish.run("download", GuestfishVolume.path(node.place), file)
    let bytes = try take(file, limit: Injection.maximumFileBytes)
    guard bytes.count == size else {
      throw DiskImageError(.damaged, "\(name): \(node.place) cannot be read to its end")
    }
    return bytes
  }

  private func take(_ file: String, limit: Int) throws(DiskImageError) -> [UInt8] {
    defer { guestfish.workspace.remove(file) }
    let answer = try ImageFile(guestfish.workspace.path(file))
    guard answer.sizeBytes <= limit else {
      throw DiskImageError(.tooLarge, "\(name): a file or directory has over \(limit) bytes")
    }
    return try answer.read(at: 0, count: Int(answer.sizeBytes))
  }

  func label(of node: GuestNode) async throws(DiskImageError) -> [UInt8]? {
    let lines = try await guestfish.run("lgetxattrs", GuestfishVolume.path(node.place))
    // `  attrname: security.selinux` and `  attrval: system_u:object_r:etc_t:s0\x00`
    let value = "attrval: "
    guard let index = lines.firstIndex(of: "  attrname: security.selinux"), index + 1 < lines.count,
      let range = lines[index + 1].firstRange(of: value)
    else { return nil }
    let text = lines[index + 1][range.upperBound...]
    return SELinuxLabel.bytes(String(text.hasSuffix("\\x00") ? text.dropLast(4) : text))
  }

  private static func path(_ place: String) -> String { place.isEmpty ? "/" : place }

  // MARK: Writing

  func apply(_ changes: [InjectionChange]) async throws(DiskImageError) {
    let script = try GuestfishScript(changes)
    for file in script.files { try guestfish.workspace.write(file.name, file.content) }
    try await close()
    try await guestfish.run("blockdev-setrw", device)
    try await guestfish.run("mount", device, "/")
    for line in script.lines {
      if let error = try await guestfish.attempt(line: line) {
        throw try await refusal(error, script)
      }
    }
    try await guestfish.run("sync")
    try await close()
  }

  /// Why a change could not be made. An upload does not say so where there is no space.
  private func refusal(_ error: String, _ script: GuestfishScript) async throws(DiskImageError)
    -> DiskImageError
  {
    let facts = GuestfishVolume.numbers(try await guestfish.run("statvfs", "/"))
    let (free, overflow) = (facts["bavail"] ?? 0)
      .multipliedReportingOverflow(by: facts["bsize"] ?? 0)
    let largest = script.files.map(\.content.count).max() ?? 0
    guard error.contains("No space left") || !overflow && free <= largest else {
      return DiskImageError(.damaged, "\(name): \(error.prefix(300))")
    }
    return DiskImageError(.tooLarge, "the image's file system is full: \(error.prefix(200))")
  }
}

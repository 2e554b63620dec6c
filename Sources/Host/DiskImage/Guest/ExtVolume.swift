/// An ext2, ext3 or ext4 file system in a file, read and written by e2fsprogs' tools.
///
/// Only inodes are named to debugfs when it reads, never paths: it would follow links between them.
final class ExtVolume: GuestVolume {
  private let workspace: ImageWorkspace
  private var tool: ImageTool { workspace.tool }
  /// The file in the workspace, and where in it the file system starts.
  private let file: String
  private let offset: Int64
  private var listings: [String: [[UInt8]: GuestNode]] = [:]

  let checker = "e2fsck"
  let root = GuestNode(place: "<2>", kind: .directory, mode: 0o755, uid: 0, gid: 0)

  init(_ workspace: ImageWorkspace, file: String, offset: Int64) {
    self.workspace = workspace
    self.file = file
    self.offset = offset
  }

  private var place: String { offset == 0 ? file : "\(file)?offset=\(offset)" }

  // MARK: Checking

  func check() async throws(DiskImageError) -> [String] {
    let output = try await tool.run("e2fsck", ["-fn", place])
    guard output.status != 0 else { return [] }
    let lines = ImageTool.lines(String(decoding: output.out, as: UTF8.self))
    let found = (lines + output.complaints).filter { !$0.isEmpty && !ExtVolume.isProgress($0) }
    return found.isEmpty ? ["e2fsck ended with \(output.status)"] : found
  }

  private static func isProgress(_ line: String) -> Bool {
    line.hasPrefix("Pass ") || line.hasPrefix("e2fsck ")
  }

  // MARK: Reading

  func child(_ name: String, of folder: GuestNode) async throws(DiskImageError) -> GuestNode? {
    try await entries(of: folder)[Array(name.utf8)]
  }

  func names(in folder: GuestNode) async throws(DiskImageError) -> [String] {
    try await entries(of: folder).keys.compactMap { String(validating: $0, as: UTF8.self) }
  }

  /// What is in a directory, by name; names are bytes, as the kernel compares them.
  private func entries(of folder: GuestNode) async throws(DiskImageError) -> [[UInt8]: GuestNode] {
    if let known = listings[folder.place] { return known }
    let bytes = try await ask("ls -p \(folder.place)")
    var entries: [[UInt8]: GuestNode] = [:]
    // `/inode/mode/uid/gid/name/size/`. A name with a line break cannot make a line of that form,
    // because no name has a slash (e2fsck has seen to that).
    for line in bytes.split(separator: 0x0A) {
      let fields = line.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard fields.count == 8, fields[0].isEmpty, fields[7].isEmpty,
        let inode = ExtVolume.number(fields[1], 10), let mode = ExtVolume.number(fields[2], 8),
        let uid = ExtVolume.number(fields[3], 10), let gid = ExtVolume.number(fields[4], 10)
      else { continue }
      let node = GuestNode(
        place: "<\(inode)>", kind: GuestNode.Kind(mode: mode), mode: mode & 0o7777, uid: uid,
        gid: gid)
      guard entries.updateValue(node, forKey: Array(fields[5])) == nil else {
        throw DiskImageError(.damaged, "a directory of the image has the same name twice")
      }
    }
    guard entries[[UInt8(ascii: ".")]]?.place == folder.place else {
      throw DiskImageError(.damaged, "a directory of the image cannot be read")
    }
    listings[folder.place] = entries
    return entries
  }

  func facts(of node: GuestNode) async throws(DiskImageError) -> GuestFacts {
    // The first lines are numbers alone; what a guest chose comes after.
    let head = String(decoding: try await ask("stat \(node.place)").prefix(600), as: UTF8.self)
    let words = head.split(whereSeparator: \.isWhitespace)
    let after = { (word: String) -> Substring? in
      words.firstIndex(of: word[...]).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    guard let flags = after("Flags:").flatMap({ UInt32($0.dropFirst(2), radix: 16) }),
      let links = after("Links:").flatMap({ Int($0) }),
      let size = after("Size:").flatMap({ Int64($0) })
    else { throw DiskImageError(.damaged, "an inode of the image cannot be read") }
    return GuestFacts(flags: flags, links: links, sizeBytes: size)
  }

  func bytes(of node: GuestNode, size: Int64) async throws(DiskImageError) -> [UInt8] {
    guard size > 0 else { return [] }
    let bytes = try await ask("cat \(node.place)")
    // A file that is kept in its inode comes with what is behind it there.
    guard Int64(bytes.count) >= size else {
      throw DiskImageError(.damaged, "a file of the image cannot be read to its end")
    }
    return Array(bytes.prefix(Int(size)))
  }

  func label(of node: GuestNode) async throws(DiskImageError) -> [UInt8]? {
    let output = try await tool.run(
      "debugfs", ["-R", "ea_get -x \(node.place) security.selinux", place])
    // `security.selinux (32) = 73 79 …`
    let words = String(decoding: output.out.prefix(4096), as: UTF8.self)
      .split(whereSeparator: \.isWhitespace)
    guard words.first == "security.selinux", let equals = words.firstIndex(of: "=") else {
      return nil
    }
    return words[(equals + 1)...].compactMap { UInt8($0, radix: 16) }
  }

  private func ask(_ request: String) async throws(DiskImageError) -> [UInt8] {
    let output = try await tool.run("debugfs", ["-R", request, place])
    try ExtVolume.refuse(output)
    return output.out
  }

  /// debugfs ends with 0 whatever happened; what it says beside its version is an error.
  private static func refuse(_ output: ImageTool.Output) throws(DiskImageError) {
    let complaints = output.complaints.filter { !($0.hasPrefix("debugfs ") && $0.hasSuffix(")")) }
    guard output.status == 0, complaints.isEmpty else {
      let said = complaints.first ?? "debugfs ended with \(output.status)"
      if said.contains("allocate") || said.contains("o space") || said.contains("o free") {
        throw DiskImageError(.tooLarge, "the image's file system is full: \(said.prefix(200))")
      }
      throw DiskImageError(.damaged, "the image's file system: \(said.prefix(200))")
    }
  }

  private static func number(_ digits: ArraySlice<UInt8>, _ radix: Int) -> UInt32? {
    UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
  }

  // MARK: Writing

  func apply(_ changes: [InjectionChange]) async throws(DiskImageError) {
    let script = try DebugfsScript(changes)
    for file in script.files { try workspace.write(file.name, file.content) }
    try workspace.write("script", Array(script.text.utf8))
    listings = [:]
    let output = try await tool.run("debugfs", ["-w", "-f", "script", place])
    try ExtVolume.refuse(output)
  }
}

import Inventory

/// Changes as guestfish's commands. Their paths go on from a directory that was found, through
/// directories that the script itself made.
struct GuestfishScript {
  /// It reads 8,191 bytes of a line, and the rest as a line of its own.
  static let maximumLineBytes = 8000

  private(set) var lines: [String] = []
  /// What the commands read: files of this host, by name.
  private(set) var files: [(name: String, content: [UInt8])] = []

  init(_ changes: [InjectionChange]) throws(DiskImageError) {
    for change in changes { try add(change) }
  }

  private mutating func add(_ change: InjectionChange) throws(DiskImageError) {
    guard !change.below.isEmpty else { return }
    let path = ([change.base] + change.below).joined(separator: "/")
    if change.action == .remove {
      try add("rm", path)
      return
    }
    if let content = change.after?.revealed {
      let name = "content-\(files.count)"
      files.append((name, content))
      try add("upload", name, path)
    } else if change.isDirectory, change.action == .create {
      try add("mkdir", path)
    }
    // In this order: a new owner takes set-id bits away.
    try add("chown", "\(change.uid)", "\(change.gid)", path)
    try add("chmod", "0\(String(change.mode, radix: 8))", path)
    if let label = change.label {
      try add("lsetxattr", "security.selinux", label, "\(label.utf8.count)", path)
    }
  }

  private mutating func add(_ words: String...) throws(DiskImageError) {
    lines.append(try GuestfishScript.line(words))
  }

  /// A command as a line that guestfish reads as these words, whatever is in them.
  static func line(_ words: [String]) throws(DiskImageError) -> String {
    var line = Array((words.first ?? "").utf8)
    for word in words.dropFirst() {
      line += Array(" \"".utf8)
      for byte in word.utf8 {
        guard byte >= 0x20, byte != 0x7F else {
          throw DiskImageError(.request, "a path must not have control characters")
        }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
          line.append(UInt8(ascii: "\\"))
        }
        line.append(byte)
      }
      line.append(UInt8(ascii: "\""))
    }
    guard line.count <= maximumLineBytes else {
      throw DiskImageError(
        .tooLarge, "a path has more than the \(maximumLineBytes) bytes that guestfish takes")
    }
    return String(decoding: line, as: UTF8.self)
  }
}

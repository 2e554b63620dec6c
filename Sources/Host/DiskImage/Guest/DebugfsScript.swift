import Inventory

/// Changes as debugfs' commands. Each starts at a directory's inode and goes down only through
/// directories that the script itself made.
struct DebugfsScript {
  private(set) var lines: [String] = []
  /// What the commands read: files beside the script, by name.
  private(set) var files: [(name: String, content: [UInt8])] = []

  init(_ changes: [InjectionChange]) throws(DiskImageError) {
    for change in changes {
      // debugfs reads a line a command, and would read a second one out of a name.
      for name in change.below where name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
        throw DiskImageError(.request, "a path must not have control characters")
      }
      add(change)
    }
  }

  var text: String { lines.joined(separator: "\n") + "\n" }

  private mutating func add(_ change: InjectionChange) {
    guard let name = change.below.last else { return }
    // With `./` no name is taken for an option or an inode.
    let here = DebugfsScript.quoted("./\(name)")
    lines.append("cd \(change.base)")
    for folder in change.below.dropLast() {
      lines.append("cd \(DebugfsScript.quoted("./\(folder)"))")
    }
    switch change.action {
    case .remove:
      lines.append("rm \(here)")
      return
    case .replace: lines.append("rm \(here)")
    case .create, .adjust: break
    }
    if let content = change.after?.revealed {
      let source = file(content)
      // Here the name goes into the directory as it is.
      lines.append("write \(source) \(DebugfsScript.quoted(name))")
    } else if change.isDirectory, change.action == .create {
      lines.append("mkdir \(here)")
    }
    let type = change.isDirectory ? "040000" : "0100000"
    let mode = (UInt32(type, radix: 8) ?? 0) | change.mode
    lines.append("set_inode_field \(here) mode 0\(String(mode, radix: 8))")
    lines.append("set_inode_field \(here) uid \(change.uid)")
    lines.append("set_inode_field \(here) gid \(change.gid)")
    if let label = change.label {
      lines.append("ea_set -f \(file(SELinuxLabel.bytes(label))) \(here) security.selinux")
    }
  }

  private mutating func file(_ content: [UInt8]) -> String {
    let name = "content-\(files.count)"
    files.append((name, content))
    return name
  }

  /// A word as debugfs reads it: a quote is doubled.
  private static func quoted(_ word: String) -> String {
    "\"" + word.replacing("\"", with: "\"\"") + "\""
  }
}

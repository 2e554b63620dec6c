/// A file or directory of an image, as its inode has it.
struct GuestNode: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case file
    case directory
    case link
    /// A device, a socket, a pipe.
    case special

    init(mode: UInt32) {
      self =
        switch mode & 0o170000 {
        case 0o100000: .file
        case 0o040000: .directory
        case 0o120000: .link
        default: .special
        }
    }
  }

  let inode: UInt32
  let kind: Kind
  /// Permissions with set-id and sticky bits.
  let mode: UInt32
  let uid: UInt32
  let gid: UInt32
}

/// What an inode says beside that, which costs another question.
struct GuestFacts: Hashable, Sendable {
  let flags: UInt32
  let links: Int
  let sizeBytes: Int64

  private static let refused: [(bit: UInt32, name: String)] = [
    (0x10, "immutable (chattr -i)"), (0x20, "append-only (chattr -a)"), (0x800, "encrypted"),
    (0x4000_0000, "case-insensitive"), (0x10_0000, "sealed (verity)"),
  ]

  /// What forbids to write to it, in words.
  var hindrance: String? {
    GuestFacts.refused.first { flags & $0.bit != 0 }?.name
  }
}

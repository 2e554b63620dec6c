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

  /// What its volume knows it by: `<inode>`, or the path that was walked.
  let place: String
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

  private static let refused: [(bit: UInt32, letter: Character, name: String)] = [
    (0x10, "i", "immutable (chattr -i)"), (0x20, "a", "append-only (chattr -a)"),
    (0x800, "E", "encrypted"), (0x4000_0000, "F", "case-insensitive"),
    (0x10_0000, "V", "sealed (verity)"),
  ]

  /// The flags that lsattr writes as letters, as far as they matter here.
  static func flags(_ letters: String) -> UInt32 {
    refused.filter { letters.contains($0.letter) }.reduce(0) { $0 | $1.bit }
  }

  /// What forbids to write to it, in words.
  var hindrance: String? {
    GuestFacts.refused.first { flags & $0.bit != 0 }?.name
  }
}

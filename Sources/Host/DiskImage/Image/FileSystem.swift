/// What stands in a partition, as far as its first bytes tell.
enum FileSystem {
  case ext(ExtSuperblock)
  /// Another one, by name.
  case other(String)
  /// Nothing that is known here.
  case none

  init(at partition: Partition, of disk: ImageFile) throws(DiskImageError) {
    let head = try disk.read(at: partition.offset, count: 0x10800)
    if let superblock = ExtSuperblock(head) {
      self = .ext(superblock)
      return
    }
    for (magic, offset, name) in FileSystem.others where head.has(Array(magic.utf8), at: offset) {
      self = .other(name)
      return
    }
    self = .none
  }

  private static let others: [(magic: String, offset: Int, name: String)] = [
    ("XFSB", 0, "XFS"), ("_BHRfS_M", 0x10040, "Btrfs"), ("LUKS", 0, "encrypted (LUKS)"),
    ("LABELONE", 512, "a physical volume of LVM"), ("hsqs", 0, "SquashFS"), ("NTFS", 3, "NTFS"),
    ("FAT", 54, "FAT"), ("FAT", 82, "FAT"), ("SWAPSPACE2", 4086, "swap"),
    ("CD001", 0x8001, "ISO 9660"),
  ]
}

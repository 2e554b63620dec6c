/// What stands in a partition, as far as its first bytes tell.
enum FileSystem {
  case ext(ExtSuperblock)
  /// Another one that libguestfs may mount, by name.
  case mountable(String)
  /// A part of a volume group, which has file systems.
  case volumeGroup(String)
  /// One that is no root file system, or cannot be read.
  case other(String)
  /// Nothing that is known here.
  case none

  init(at partition: Partition, of disk: ImageFile) throws(DiskImageError) {
    let head = try disk.read(at: partition.offset, count: 0x10800)
    if let superblock = ExtSuperblock(head) {
      self = .ext(superblock)
      return
    }
    let found = FileSystem.others.first { head.has($0.magic, at: $0.offset) }
    self = found?.fileSystem ?? .none
  }

  private static let others: [(magic: [UInt8], offset: Int, fileSystem: FileSystem)] = [
    (Array("XFSB".utf8), 0, .mountable("XFS")),
    (Array("_BHRfS_M".utf8), 0x10040, .mountable("Btrfs")),
    (Array("LABELONE".utf8), 512, .volumeGroup("a physical volume of LVM")),
    (Array("LUKS".utf8), 0, .other("encrypted (LUKS)")),
    (Array("hsqs".utf8), 0, .other("SquashFS")), (Array("NTFS".utf8), 3, .other("NTFS")),
    (Array("FAT".utf8), 54, .other("FAT")), (Array("FAT".utf8), 82, .other("FAT")),
    (Array("SWAPSPACE2".utf8), 4086, .other("swap")),
    (Array("CD001".utf8), 0x8001, .other("ISO 9660")),
  ]
}

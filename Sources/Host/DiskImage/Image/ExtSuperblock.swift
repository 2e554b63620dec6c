/// The superblock of an ext2, ext3 or ext4 file system: what must be known before a tool that
/// writes is let loose on it.
struct ExtSuperblock {
  let blockCount: UInt64
  let blockBytes: Int64
  private let state: UInt16
  private let incompatible: UInt32
  private let readOnly: UInt32

  /// Nil where the bytes of a partition's start hold none.
  init?(_ head: [UInt8]) {
    let base = 1024
    guard head.little16(base + 56) == 0xEF53, let low = head.little32(base + 4),
      let log = head.little32(base + 24), let state = head.little16(base + 58),
      let incompatible = head.little32(base + 96), let readOnly = head.little32(base + 100),
      let high = head.little32(base + 0x150)
    else { return nil }
    // A block size that there is not is a damage that check() names.
    blockBytes = log <= 6 ? 1024 << Int64(log) : 0
    blockCount = UInt64(low) | (incompatible & ExtSuperblock.has64Bit != 0 ? UInt64(high) << 32 : 0)
    self.state = state
    self.incompatible = incompatible
    self.readOnly = readOnly
  }

  /// - Throws: ``DiskImageError`` where it must not be written to.
  func check(_ partition: Partition) throws(DiskImageError) {
    let name = partition.name
    guard blockBytes > 0, blockCount > 0 else {
      throw DiskImageError(.damaged, "the superblock of \(name) makes no sense; run e2fsck on it")
    }
    guard blockCount <= UInt64(partition.sizeBytes / blockBytes) else {
      throw DiskImageError(
        .damaged,
        "the file system of \(name) claims \(blockCount) blocks of \(blockBytes) bytes, and only "
          + "\(partition.sizeBytes) bytes are there; run e2fsck on it")
    }
    // The bits are INCOMPAT_RECOVER, RO_COMPAT_ORPHAN_PRESENT, and the state's "cleanly unmounted".
    guard incompatible & 0x4 == 0, readOnly & 0x10000 == 0, state & 1 == 1 else {
      throw DiskImageError(
        .inUse,
        "the file system of \(name) was not unmounted: its guest runs, or has crashed. Shut the "
          + "guest down, or let e2fsck -p replay the journal")
    }
    guard state & 0b110 == 0 else {
      throw DiskImageError(
        .damaged, "the file system of \(name) is marked faulty; run e2fsck on it")
    }
    let unknown =
      ExtSuperblock.names(incompatible & ~ExtSuperblock.knownIncompatible, "incompatible")
      + ExtSuperblock.names(readOnly & ~ExtSuperblock.knownReadOnly, "read-only")
    guard unknown.isEmpty else {
      throw DiskImageError(
        .unsupported,
        "the file system of \(name) has features that are not written to here: "
          + unknown.joined(separator: ", "))
    }
  }

  private static let has64Bit: UInt32 = 0x80
  /// filetype, meta_bg, extents, 64bit, flex_bg, metadata_csum_seed, large_dir, inline_data,
  /// encrypt.
  private static let knownIncompatible: UInt32 =
    0x2 | 0x10 | 0x40 | has64Bit | 0x200 | 0x2000 | 0x4000 | 0x8000 | 0x10000
  /// sparse_super, large_file, btree_dir, huge_file, uninit_bg, dir_nlink, extra_isize, bigalloc,
  /// metadata_csum, verity. Quotas are not kept by debugfs.
  private static let knownReadOnly: UInt32 =
    0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x200 | 0x400 | 0x8000

  private static let featureNames: [String: String] = [
    "incompatible 0x8": "journal_dev", "incompatible 0x100": "mmp",
    "incompatible 0x400": "ea_inode",
    "incompatible 0x20000": "casefold", "read-only 0x100": "quota", "read-only 0x2000": "project",
    "read-only 0x1000": "read-only", "read-only 0x4000": "shared_blocks",
  ]

  private static func names(_ bits: UInt32, _ set: String) -> [String] {
    (0..<32).filter { bits >> $0 & 1 == 1 }.map { bit in
      let name = "\(set) 0x\(String(UInt32(1) << bit, radix: 16))"
      return featureNames[name] ?? name
    }
  }
}

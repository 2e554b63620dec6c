/// Where a file system may stand in a disk.
struct Partition: Sendable, Hashable {
  /// As the guest's kernel numbers it; nil where the whole disk is meant.
  let number: Int?
  let offset: Int64
  let sizeBytes: Int64

  var name: String { number.map { "partition \($0)" } ?? "the whole disk" }
}

/// A disk's partitions, of a GPT or an MBR; none where there is no table.
struct PartitionTable {
  /// Linux: a disk has at most 256 minor numbers, and no image has as many partitions.
  static let maximumPartitions = 128

  let partitions: [Partition]

  init(of disk: ImageFile) throws(DiskImageError) {
    let head = try disk.read(at: 0, count: 512)
    guard head.slice(510, 2).map(Array.init) == [0x55, 0xAA], !PartitionTable.isBootSector(head)
    else {
      partitions = []
      return
    }
    let entries = PartitionTable.entries(in: head)
    if entries.contains(where: { $0.type == 0xEE }) {
      partitions = try GUIDPartitionTable.partitions(of: disk)
    } else {
      partitions = try PartitionTable.partitions(entries, of: disk)
    }
    try check(disk.sizeBytes)
  }

  /// A FAT or NTFS file system without partitions also ends its first sector in 55 AA.
  private static func isBootSector(_ head: [UInt8]) -> Bool {
    head.has(Array("FAT".utf8), at: 54) || head.has(Array("FAT".utf8), at: 82)
      || head.has(Array("NTFS".utf8), at: 3)
  }

  private func check(_ diskBytes: Int64) throws(DiskImageError) {
    var end: Int64 = 0
    for partition in partitions.sorted(by: { $0.offset < $1.offset }) {
      guard partition.offset > 0, partition.sizeBytes > 0,
        partition.sizeBytes <= diskBytes - partition.offset
      else {
        throw DiskImageError(
          .damaged, "\(partition.name) reaches beyond the disk's \(diskBytes) bytes")
      }
      guard partition.offset >= end else {
        throw DiskImageError(.damaged, "\(partition.name) overlaps the one before it")
      }
      end = partition.offset + partition.sizeBytes
    }
  }

  // MARK: MBR

  private struct Entry {
    let type: UInt8
    /// In sectors of 512 bytes.
    let start: Int64
    let count: Int64

    var isExtended: Bool { [0x05, 0x0F, 0x85].contains(type) }
  }

  /// The four entries of a boot record.
  private static func entries(in sector: [UInt8]) -> [Entry] {
    (0..<4).compactMap { index in
      let offset = 446 + index * 16
      guard offset + 4 < sector.count, let start = sector.little32(offset + 8),
        let count = sector.little32(offset + 12)
      else { return nil }
      return Entry(type: sector[offset + 4], start: Int64(start), count: Int64(count))
    }
  }

  private static func partitions(_ entries: [Entry], of disk: ImageFile) throws(DiskImageError)
    -> [Partition]
  {
    var partitions: [Partition] = []
    for (index, entry) in entries.enumerated() where entry.type != 0 && entry.count > 0 {
      if entry.isExtended {
        partitions += try logical(in: entry, of: disk)
      } else {
        partitions.append(
          Partition(number: index + 1, offset: entry.start * 512, sizeBytes: entry.count * 512))
      }
    }
    return partitions
  }

  /// A chain of boot records, each with a partition and the place of the next record.
  private static func logical(in extended: Entry, of disk: ImageFile) throws(DiskImageError)
    -> [Partition]
  {
    var partitions: [Partition] = []
    var record = extended.start
    // A chain that leads back to where it was ends here too.
    for _ in 0..<maximumPartitions {
      let sector = try disk.read(at: record * 512, count: 512)
      guard sector.slice(510, 2).map(Array.init) == [0x55, 0xAA] else {
        throw DiskImageError(.damaged, "the extended partition has no record in sector \(record)")
      }
      let entries = entries(in: sector)
      for entry in entries where entry.type != 0 && !entry.isExtended && entry.count > 0 {
        partitions.append(
          Partition(
            number: 5 + partitions.count, offset: (record + entry.start) * 512,
            sizeBytes: entry.count * 512))
      }
      guard let next = entries.first(where: { $0.isExtended && $0.count > 0 }) else {
        return partitions
      }
      record = extended.start + next.start
    }
    throw DiskImageError(.damaged, "the extended partition's chain does not end")
  }
}

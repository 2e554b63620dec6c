/// A GPT (UEFI 2.10, chapter 5): its own checksums must agree, or nothing of it is believed.
enum GUIDPartitionTable {
  private static let signature = Array("EFI PART".utf8)
  private static let damaged = "repair it first (sgdisk --verify shows what is wrong)"

  static func partitions(of disk: ImageFile) throws(DiskImageError) -> [Partition] {
    for sector in [512, 4096] as [Int64] {
      let header = try disk.read(at: sector, count: 512)
      guard header.has(signature, at: 0) else { continue }
      return try partitions(header, sector, disk)
    }
    throw DiskImageError(
      .damaged, "the boot record promises a GPT, and there is none; \(damaged)")
  }

  private static func partitions(_ header: [UInt8], _ sector: Int64, _ disk: ImageFile)
    throws(DiskImageError) -> [Partition]
  {
    guard let headerBytes = header.little32(12).map({ Int($0) }), (92...512).contains(headerBytes),
      let checksum = header.little32(16), let first = header.little64(40),
      let last = header.little64(48), let place = header.little64(72),
      let count = header.little32(80).map({ Int($0) }),
      let entryBytes = header.little32(84).map({ Int($0) }),
      let entriesChecksum = header.little32(88)
    else { throw DiskImageError(.damaged, "the GPT's header makes no sense; \(damaged)") }
    var zeroed = Array(header.prefix(headerBytes))
    zeroed.replaceSubrange(16..<20, with: [0, 0, 0, 0])
    guard CRC32.of(zeroed) == checksum else {
      throw DiskImageError(.damaged, "the GPT's header has a wrong checksum; \(damaged)")
    }
    let sectors = disk.sizeBytes / sector
    guard (128...4096).contains(entryBytes), entryBytes % 8 == 0, (1...1024).contains(count),
      place < UInt64(sectors), first <= last, last < UInt64(sectors)
    else { throw DiskImageError(.damaged, "the GPT's header makes no sense; \(damaged)") }
    let entries = try disk.read(at: Int64(place) * sector, count: count * entryBytes)
    guard entries.count == count * entryBytes, CRC32.of(entries) == entriesChecksum else {
      throw DiskImageError(.damaged, "the GPT's entries have a wrong checksum; \(damaged)")
    }
    return try read(entries, entryBytes, usable: first...last, sector)
  }

  private static func read(
    _ entries: [UInt8], _ entryBytes: Int, usable: ClosedRange<UInt64>, _ sector: Int64
  ) throws(DiskImageError) -> [Partition] {
    var partitions: [Partition] = []
    for start in stride(from: 0, to: entries.count, by: entryBytes) {
      let number = start / entryBytes + 1
      guard let type = entries.slice(start, 16), type.contains(where: { $0 != 0 }) else { continue }
      guard let first = entries.little64(start + 32), let last = entries.little64(start + 40),
        first <= last, usable.contains(first), usable.contains(last)
      else {
        throw DiskImageError(.damaged, "partition \(number) lies outside the disk; \(damaged)")
      }
      // Both are sectors of the disk, whose bytes an Int64 counts.
      partitions.append(
        Partition(
          number: number, offset: Int64(first) * sector,
          sizeBytes: Int64(last - first + 1) * sector))
      guard partitions.count <= PartitionTable.maximumPartitions else {
        throw DiskImageError(
          .unsupported, "the disk has more than \(PartitionTable.maximumPartitions) partitions")
      }
    }
    return partitions
  }
}

/// The checksum of GPT (and Ethernet).
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
    }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(0xFFFF_FFFF) { value, byte in
      table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8)
    }
  }
}

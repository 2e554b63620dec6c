// Partition tables that lie.
@testable import DiskImage

extension HostileImage {
  /// A GPT with checksums that agree, whatever its entries say.
  private static func gpt(_ entries: [(first: UInt64, last: UInt64)]) -> [Patch] {
    var table = entries.enumerated().flatMap { number, entry in
      [
        [UInt8](repeating: 0xA2, count: 16), [UInt8](repeating: UInt8(number + 1), count: 16),
        little(entry.first), little(entry.last), [UInt8](repeating: 0, count: 80),
      ].flatMap { $0 }
    }
    table += [UInt8](repeating: 0, count: 128 * 128 - table.count)
    let head = { (checksum: UInt32) in
      [
        Array("EFI PART".utf8), little(UInt32(0x10000)), little(UInt32(92)), little(checksum),
        little(UInt32(0)), little(UInt64(1)), little(UInt64(81919)), little(UInt64(34)),
        little(UInt64(81886)), [UInt8](repeating: 1, count: 16), little(UInt64(2)),
        little(UInt32(128)), little(UInt32(128)), little(CRC32.of(table)),
      ].flatMap { $0 }
    }
    return record([(0xEE, 1, 81919)])
      + [Patch(512, head(CRC32.of(head(0)))), Patch(1024, table)]
  }

  /// A boot record, or one of the chain of logical partitions.
  private static func record(
    at sector: Int = 0, _ entries: [(kind: UInt8, first: UInt32, count: UInt32)]
  ) -> [Patch] {
    let bytes = entries.flatMap { entry in
      [[0, 0, 0, 0, entry.kind, 0, 0, 0], little(entry.first), little(entry.count)].flatMap { $0 }
    }
    return [Patch(sector * 512 + 446, bytes), Patch(sector * 512 + 510, [0x55, 0xAA])]
  }

  private static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
  }

  /// A disk of 81920 sectors with the file system at sector 2048.
  private static func disk(
    _ description: String, _ table: [Patch], _ reason: DiskImageError.Reason = .damaged,
    then script: String = "", says: String
  ) -> HostileImage {
    HostileImage(
      description,
      script: """
        truncate -s 40M disk.img
        dd if=fs of=disk.img bs=512 seek=2048 conv=notrunc status=none
        \(script)
        """, patches: table, reason, says: says)
  }

  static let tables: [HostileImage] = [
    disk(
      "GPT entries that overlap", gpt([(2048, 40000), (30000, 50000)]),
      says: "partition 2 overlaps"),
    disk(
      "a GPT entry beyond the disk", gpt([(2048, 81919 * 4)]),
      says: "partition 1 lies outside the disk"),
    disk(
      "a GPT entry of the largest numbers", gpt([(.max - 1, .max)]),
      says: "partition 1 lies outside the disk"),
    disk(
      "a GPT entry that ends before it starts", gpt([(4096, 2048)]),
      says: "partition 1 lies outside the disk"),
    disk(
      "a GPT with a changed entry", gpt([(2048, 40000)]) + [Patch(1024 + 40, [7])],
      says: "entries have a wrong checksum"),
    disk(
      "a GPT with a changed header", gpt([(2048, 40000)]) + [Patch(512 + 40, [7])],
      says: "header has a wrong checksum"),
    disk(
      "a promised GPT that is not there",
      gpt([(2048, 40000)]) + [Patch(512, [UInt8](repeating: 0, count: 8))],
      says: "there is none"),
    disk(
      "a file system larger than its partition", gpt([(2048, 2100)]),
      says: "claims 16384 blocks"),
    disk(
      "two roots", gpt([(2048, 40000), (40960, 81000)]), .noRoot,
      then: "dd if=fs of=disk.img bs=512 seek=40960 conv=notrunc status=none",
      says: "partition 1 and partition 2 could each be the root file system"),
    disk(
      "MBR entries that overlap", record([(0x83, 2048, 40000), (0x83, 30000, 100)]),
      says: "partition 2 overlaps"),
    disk(
      "an MBR entry beyond the disk", record([(0x83, 2048, .max)]),
      says: "partition 1 reaches beyond the disk"),
    disk(
      "a chain of logical partitions that leads back",
      record([(5, 2048, 40000)]) + record(at: 2048, [(0x83, 2048, 8), (5, 0, 4000)]),
      says: "chain does not end"),
    disk(
      "a chain that leads beyond the disk",
      record([(5, 2048, 40000)]) + record(at: 2048, [(0, 0, 0), (5, 0xFFFFFF, 9)]),
      says: "has no record"),
    disk("an empty table", record([(0, 0, 0)]), .noRoot, says: "no file system was found"),
  ]
}

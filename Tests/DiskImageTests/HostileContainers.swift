// Partition tables and qcow2 headers that lie.
import DiskImage

extension HostileImage {
  /// A GPT with checksums that agree, whatever its entries say.
  private static func gpt(_ entries: String, then: String = "") -> String {
    """
    truncate -s 40M disk.img; dd if=fs of=disk.img bs=512 seek=2048 conv=notrunc status=none
    python3 - <<'END'
    import struct, zlib
    entries = \(entries)
    table = b"".join(
        b"\\xa2" * 16 + bytes([n]) * 16 + struct.pack("<QQQ", a, b, 0) + b"\\0" * 72
        for n, (a, b) in enumerate(entries, 1)).ljust(128 * 128, b"\\0")
    head = lambda crc: b"EFI PART" + struct.pack(
        "<IIIIQQQQ", 0x10000, 92, crc, 0, 1, 81919, 34, 81886) + b"\\1" * 16 + struct.pack(
        "<QIII", 2, 128, 128, zlib.crc32(table))
    with open("disk.img", "r+b") as disk:
        disk.seek(446)
        disk.write(bytes([0, 0, 2, 0, 0xEE, 255, 255, 255]) + struct.pack("<II", 1, 81919))
        disk.seek(510); disk.write(b"\\x55\\xaa")
        disk.write(head(zlib.crc32(head(0)))); disk.seek(1024); disk.write(table)
        \(then)
    END
    """
  }

  private static func mbr(_ entries: String, then: String = "") -> String {
    """
    truncate -s 40M disk.img; dd if=fs of=disk.img bs=512 seek=2048 conv=notrunc status=none
    python3 - <<'END'
    import struct
    entry = lambda kind, start, count: (
        bytes([0, 0, 0, 0, kind, 0, 0, 0]) + struct.pack("<II", start, count))
    with open("disk.img", "r+b") as disk:
        def record(sector, entries):
            disk.seek(sector * 512 + 446); disk.write(b"".join(entry(*e) for e in entries))
            disk.seek(sector * 512 + 510); disk.write(b"\\x55\\xaa")
        record(0, \(entries))
        \(then)
    END
    """
  }

  static let tables: [HostileImage] = [
    HostileImage(
      "GPT entries that overlap", script: gpt("[(2048, 40000), (30000, 50000)]"), .damaged,
      says: "partition 2 overlaps"),
    HostileImage(
      "a GPT entry beyond the disk", script: gpt("[(2048, 81919 * 4)]"), .damaged,
      says: "partition 1 lies outside the disk"),
    HostileImage(
      "a GPT entry of the largest numbers", script: gpt("[(2 ** 64 - 2, 2 ** 64 - 1)]"), .damaged,
      says: "partition 1 lies outside the disk"),
    HostileImage(
      "a GPT entry that ends before it starts", script: gpt("[(4096, 2048)]"), .damaged,
      says: "partition 1 lies outside the disk"),
    HostileImage(
      "a GPT with a changed entry",
      script: gpt("[(2048, 40000)]", then: "disk.seek(1024 + 40); disk.write(b'\\7')"), .damaged,
      says: "entries have a wrong checksum"),
    HostileImage(
      "a GPT with a changed header",
      script: gpt("[(2048, 40000)]", then: "disk.seek(512 + 40); disk.write(b'\\7')"), .damaged,
      says: "header has a wrong checksum"),
    HostileImage(
      "a promised GPT that is not there",
      script: gpt("[(2048, 40000)]", then: "disk.seek(512); disk.write(b'\\0' * 8)"), .damaged,
      says: "there is none"),
    HostileImage(
      "a file system larger than its partition", script: gpt("[(2048, 2100)]"), .damaged,
      says: "claims 16384 blocks"),
    HostileImage(
      "two roots",
      script: gpt("[(2048, 40000), (40960, 81000)]")
        + "\ndd if=fs of=disk.img bs=512 seek=40960 conv=notrunc status=none", .noRoot,
      says: "partition 1 and partition 2 could each be the root file system"),
    HostileImage(
      "MBR entries that overlap", script: mbr("[(0x83, 2048, 40000), (0x83, 30000, 100)]"),
      .damaged, says: "partition 2 overlaps"),
    HostileImage(
      "an MBR entry beyond the disk", script: mbr("[(0x83, 2048, 0xFFFFFFFF)]"), .damaged,
      says: "partition 1 reaches beyond the disk"),
    HostileImage(
      "a chain of logical partitions that leads back",
      script: mbr(
        "[(5, 2048, 40000)]", then: "record(2048, [(0x83, 2048, 8), (5, 0, 4000)])"), .damaged,
      says: "chain does not end"),
    HostileImage(
      "a chain that leads beyond the disk",
      script: mbr("[(5, 2048, 40000)]", then: "record(2048, [(0, 0, 0), (5, 0xFFFFFF, 9)])"),
      .damaged, says: "has no record"),
    HostileImage(
      "an empty table", script: mbr("[(0, 0, 0)]"), .noRoot, says: "no file system was found"),
  ]

  private static func qcow2(_ make: String) -> String { "rm fs; \(make)" }

  static let containers: [HostileImage] = [
    HostileImage(
      "a backing file of the host", file: "disk.qcow2",
      script: qcow2("qemu-img create -q -f qcow2 -b /etc/shadow -F raw disk.qcow2 1M"), .external,
      says: "has a backing file"),
    HostileImage(
      "a backing file of the host in a raw disk that claims to be qcow2",
      script: qcow2("qemu-img create -q -f qcow2 -b /etc/shadow -F raw disk.img 1M"), .external,
      says: "has a backing file"),
    HostileImage(
      "a data file of the host", file: "disk.qcow2",
      script: qcow2("qemu-img create -q -f qcow2 -o data_file=canary.d disk.qcow2 1M"), .external,
      says: "keeps its data in another file"),
    HostileImage(
      "a data file of the host without its bit", file: "disk.qcow2",
      script: qcow2(
        "qemu-img create -q -f qcow2 -o data_file=canary.d disk.qcow2 1M; "
          + "printf '\\0' | dd of=disk.qcow2 bs=1 seek=79 conv=notrunc status=none"), .external,
      says: "names a data file"),
    HostileImage(
      "an encrypted qcow2", file: "disk.qcow2",
      script: qcow2(
        "qemu-img create -q -f qcow2 disk.qcow2 1M; "
          + "printf '\\1' | dd of=disk.qcow2 bs=1 seek=35 conv=notrunc status=none"), .external,
      says: "is encrypted"),
    HostileImage(
      "a qcow2 that is marked corrupt", file: "disk.qcow2",
      script: qcow2(
        "qemu-img create -q -f qcow2 disk.qcow2 1M; "
          + "printf '\\2' | dd of=disk.qcow2 bs=1 seek=79 conv=notrunc status=none"), .damaged,
      says: "marked corrupt"),
    HostileImage(
      "a qcow2 with a feature of tomorrow", file: "disk.qcow2",
      script: qcow2(
        "qemu-img create -q -f qcow2 disk.qcow2 1M; "
          + "printf '\\1' | dd of=disk.qcow2 bs=1 seek=72 conv=notrunc status=none"), .unsupported,
      says: "features that are not known"),
    HostileImage(
      "a qcow2 that ends in its header", file: "disk.qcow2",
      script: qcow2("printf 'QFI\\373\\0\\0\\0\\3' >disk.qcow2"), .damaged, says: "ends within"),
    HostileImage(
      "a qcow2 with tables that lead nowhere", file: "disk.qcow2",
      script: qcow2(
        "qemu-img create -q -f qcow2 disk.qcow2 1M; "
          + "printf '\\177' | dd of=disk.qcow2 bs=1 seek=36 conv=notrunc status=none"), .damaged,
      says: "cannot read the image"),
    HostileImage(
      "a qcow2 of eight terabytes with nothing in it", file: "disk.qcow2",
      script: qcow2("qemu-img create -q -f qcow2 disk.qcow2 8T"), .noRoot,
      says: "no file system was found"),
    HostileImage(
      "a raw image with nothing in eight terabytes",
      script: qcow2("truncate -s 8T disk.img"), .noRoot, says: "no file system was found"),
    HostileImage(
      "an image with two names", script: "mv fs disk.img; ln disk.img other.img", .request,
      says: "has 2 names"),
    HostileImage(
      "a folder for an image", script: "rm fs; mkdir disk.img", .notAnImage,
      says: "not a regular file"),
    HostileImage(
      "a pipe for an image", script: "rm fs; mkfifo disk.img", .notAnImage,
      says: "not a regular file"),
  ]
}

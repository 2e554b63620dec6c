// qcow2 headers that lie.
import DiskImage

extension HostileImage {
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

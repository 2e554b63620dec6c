/// How a file holds a disk.
public enum ImageForm: String, Sendable {
  case raw
  case qcow2

  /// - Throws: ``DiskImageError`` for a form that cannot be written to, and for a qcow2 file that
  ///   refers to anything outside itself.
  init(of file: ImageFile) throws(DiskImageError) {
    let head = try file.read(at: 0, count: 4096)
    for (magic, offset, name) in ImageForm.others where head.has(magic, at: offset) {
      throw DiskImageError(
        .notAnImage,
        "'\(file.path)' is \(name); make it raw or qcow2 first (qemu-img convert, gunzip …)")
    }
    guard head.has(Qcow2Header.magic, at: 0) else {
      self = .raw
      return
    }
    try Qcow2Header(head).check(file.path)
    self = .qcow2
  }

  private static let others: [(magic: [UInt8], offset: Int, name: String)] = [
    (Array("KDMV".utf8), 0, "a VMDK image"), (Array("COWD".utf8), 0, "a VMDK image"),
    (Array("# Disk DescriptorFile".utf8), 0, "a VMDK image's description"),
    (Array("vhdxfile".utf8), 0, "a VHDX image"), (Array("conectix".utf8), 0, "a VHD image"),
    (Array("QED\0".utf8), 0, "a QED image"), (Array("<<< ".utf8), 0, "a VDI image"),
    (Array("LUKS".utf8) + [0xBA, 0xBE], 0, "encrypted (LUKS)"),
    ([0x1F, 0x8B], 0, "compressed (gzip)"), ([0xFD] + Array("7zXZ".utf8), 0, "compressed (xz)"),
    ([0x28, 0xB5, 0x2F, 0xFD], 0, "compressed (zstd)"),
  ]
}

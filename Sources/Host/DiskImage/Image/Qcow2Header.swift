/// The header of a qcow2 file (QEMU's docs/interop/qcow2.txt), read before any tool opens it: what
/// it names would be opened on the host with our rights.
struct Qcow2Header {
  static let magic = Array("QFI".utf8) + [0xFB]

  private let bytes: [UInt8]

  /// - Parameter bytes: The file's first 4096 bytes, or all that it has.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func check(_ path: String) throws(DiskImageError) {
    guard let version = bytes.big32(4), let backing = bytes.big64(8),
      let clusterBits = bytes.big32(20), let size = bytes.big64(24),
      let encryption = bytes.big32(32), bytes.count >= 72
    else { throw DiskImageError(.damaged, "'\(path)' ends within the header of a qcow2 image") }
    guard version == 2 || version == 3 else {
      throw DiskImageError(.unsupported, "'\(path)' is qcow2 version \(version); 2 and 3 are known")
    }
    guard backing == 0 else {
      throw DiskImageError(
        .external,
        "'\(path)' has a backing file, which would be read from this host. Inject into an image of "
          + "its own (qemu-img convert -O qcow2), or into the backing file before it is used")
    }
    guard encryption == 0 else {
      throw DiskImageError(.external, "'\(path)' is encrypted")
    }
    guard (9...21).contains(clusterBits), size <= UInt64(Int64.max) else {
      throw DiskImageError(.damaged, "'\(path)' has a qcow2 header that no tool writes")
    }
    guard version == 3 else { return }
    try checkFeatures(path)
    try checkExtensions(path)
  }

  /// Bits that a reader must know: dirty, corrupt, external data file, compression, extended L2.
  private func checkFeatures(_ path: String) throws(DiskImageError) {
    guard let features = bytes.big64(72), bytes.big32(100) != nil else {
      throw DiskImageError(.damaged, "'\(path)' ends within the header of a qcow2 image")
    }
    guard features & 0b100 == 0 else {
      throw DiskImageError(
        .external,
        "'\(path)' keeps its data in another file, which is not opened here; convert it first"
      )
    }
    guard features & 0b11 == 0 else {
      throw DiskImageError(
        .damaged,
        "'\(path)' was not closed or is marked corrupt; see to it first (qemu-img check -r all)")
    }
    guard features & ~0b11000 == 0 else {
      throw DiskImageError(.unsupported, "'\(path)' has qcow2 features that are not known here")
    }
  }

  /// A name of a data file, or a header of encryption, is refused even where no bit asks for it.
  private func checkExtensions(_ path: String) throws(DiskImageError) {
    guard let length = bytes.big32(100), length >= 104, length <= 1024 else {
      throw DiskImageError(.damaged, "'\(path)' has a qcow2 header that no tool writes")
    }
    var offset = Int(length)
    while let type = bytes.big32(offset), type != 0 {
      guard let count = bytes.big32(offset + 4) else { break }
      switch type {
      case 0x4441_5441:
        throw DiskImageError(
          .external, "'\(path)' names a data file of this host; convert it first")
      case 0x0537_BE77: throw DiskImageError(.external, "'\(path)' is encrypted")
      default: offset += 8 + (Int(count) + 7) / 8 * 8
      }
    }
    guard offset <= bytes.count - 4 else {
      throw DiskImageError(
        .unsupported, "'\(path)' has a qcow2 header of more than \(bytes.count) bytes")
    }
  }
}
